/// Sums of magnitudes, in an order that is part of the definition and the same on every instruction set.
#pragma once

#include <algorithm>

#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Weights whose magnitudes are added in float before they go into a double.
inline constexpr std::size_t sum_block = 1024;

/// Σ|w| of n <= 1024 weights: 32 interleaved float lanes (lane j takes i % 32 = j, zeros at the end), folded.
/// Half as many bytes from `ahead` on are prefetched.
template <class Arch>
BITNET_INLINE float block_abs_sum(const float* w, std::size_t n, std::uintptr_t ahead) noexcept {
    using O = Ops<Arch>;
    FloatLanes<Arch, 32> sum;
    constexpr std::size_t batches = FloatLanes<Arch, 32>::batches;
    const auto add = [&](const float* p) {
        unroll<batches>([&](auto i) { sum.lane[i] = sum.lane[i] + O::magnitude(O::load(p + i * O::floats)); });
    };
    const std::size_t whole = n - n % 32;
    for (std::size_t i = 0; i < whole; i += 32) {
        prefetch(ahead + 2 * i);
        add(w + i);
    }
    if (whole != n) {
        float rest[32] = {};
        std::memcpy(rest, w + whole, sizeof(float) * (n - whole));
        add(rest);
    }
    return sum.total();
}

/// Σ|w| of one region: blocks of 1,024 in float, their sums in double, in order. A block that overflows in float,
/// which takes weights near the largest float, is added again weight by weight in double.
template <class Arch>
BITNET_INLINE double region_abs_sum(const float* w, std::size_t n, std::uintptr_t ahead) noexcept {
    double sum = 0;
    for (std::size_t begin = 0; begin < n; begin += sum_block) {
        const std::size_t length = std::min(sum_block, n - begin);
        const float in_float = block_abs_sum<Arch>(w + begin, length, ahead + 2 * begin);
        if (is_finite(in_float)) {
            sum += static_cast<double>(in_float);
        } else {
            for (std::size_t i = begin; i < begin + length; ++i)
                sum += static_cast<double>(Ops<arch::Scalar>::magnitude(w[i]));
        }
    }
    return sum;
}

/// sums[g] = Σ|w| of the g-th `group` consecutive weights, the last of which may be fewer; not finite when one of
/// them is not. group >= 1; ceil(n / group) sums are written, each rounded to a relative error of about 2e-6.
/// Meanwhile the first half of the weights that prefetched_behind names is prefetched.
template <class Arch>
void abs_sums(const float* w, std::size_t n, std::size_t group, double* sums) noexcept {
    const std::uintptr_t ahead = prefetched_behind(w, n);
    std::size_t begin = 0;
    const auto whole_groups = [&](auto length) {  // a constant, so that its loops are gone
        for (; begin + length <= n; begin += length)
            *sums++ = region_abs_sum<Arch>(w + begin, length, ahead + 2 * begin);
    };
    if (group == 64) whole_groups(std::integral_constant<std::size_t, 64>{});
    if (group == 128) whole_groups(std::integral_constant<std::size_t, 128>{});
    while (begin < n) {
        const std::size_t length = std::min(group, n - begin);
        *sums++ = region_abs_sum<Arch>(w + begin, length, ahead + 2 * begin);
        begin += length;
    }
}

}  // namespace bitnet::inline BITNET_ABI::kernel
