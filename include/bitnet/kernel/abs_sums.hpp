/// Sums of magnitudes, in an order that is part of the definition and the same on every instruction set.
#pragma once

#include <algorithm>

#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Weights whose magnitudes are added in float before they go into a double.
inline constexpr std::size_t sum_block = 1024;

/// Σ|w| of n <= 1024 weights: 32 interleaved float lanes (lane j takes i % 32 = j, zeros at the end), folded.
/// Meanwhile lines of `ahead` are prefetched, from that of weight `at` on.
template <class Arch, std::size_t Streams>
BITNET_INLINE float block_abs_sum(const float* w, std::size_t n, const Ahead<Streams>& ahead, std::size_t at) noexcept {
    using O = Ops<Arch>;
    FloatLanes<Arch, 32> sum;
    constexpr std::size_t batches = FloatLanes<Arch, 32>::batches, step = Ahead<Streams>::weights;
    const auto add = [&](const float* p) {
        unroll<batches>([&](auto i) { sum.lane[i] = sum.lane[i] + O::magnitude(O::load(p + i * O::floats)); });
    };
    std::size_t i = 0;
    for (; i + step <= n; i += step) {
        ahead.lines(at + i);
        unroll<step / 32>([&](auto part) { add(w + i + 32 * part); });
    }
    for (; i + 32 <= n; i += 32) add(w + i);
    if (i != n) {
        float rest[32] = {};
        std::memcpy(rest, w + i, sizeof(float) * (n - i));
        add(rest);
    }
    return sum.total();
}

/// Σ|w| of one region: blocks of 1,024 in float, their sums in double, in order. A block that overflows in float,
/// which takes weights near the largest float, is added again weight by weight in double.
template <class Arch, std::size_t Streams>
BITNET_INLINE double region_abs_sum(const float* w, std::size_t n, const Ahead<Streams>& ahead, std::size_t at) noexcept {
    double sum = 0;
    for (std::size_t begin = 0; begin < n; begin += sum_block) {
        const std::size_t length = std::min(sum_block, n - begin);
        const float in_float = block_abs_sum<Arch>(w + begin, length, ahead, at + begin);
        if (is_finite(in_float)) {
            sum += static_cast<double>(in_float);
        } else {
            for (std::size_t i = begin; i < begin + length; ++i)
                sum += static_cast<double>(Ops<arch::Scalar>::magnitude(w[i]));
        }
    }
    return sum;
}

/// A function of its own, as are the codes': then what one does to the code of another is nothing.
template <class Arch, std::size_t Streams>
[[gnu::noinline]] void abs_sums_ahead(const float* w, std::size_t n, std::size_t group, double* sums) noexcept {
    const Ahead<Streams> ahead(w, n, Ahead<Streams>::Half::sums);
    std::size_t begin = 0;
    constexpr std::size_t usual = Streams == 1 ? 64 : 128;  // a constant, so that its loops are gone
    if (group == usual)
        for (; begin + usual <= n; begin += usual) *sums++ = region_abs_sum<Arch>(w + begin, usual, ahead, begin);
    while (begin < n) {
        const std::size_t length = std::min(group, n - begin);
        *sums++ = region_abs_sum<Arch>(w + begin, length, ahead, begin);
        begin += length;
    }
}

/// sums[g] = Σ|w| of the g-th `group` consecutive weights, the last of which may be fewer; not finite when one of
/// them is not. group >= 1; ceil(n / group) sums are written, each rounded to a relative error of about 2e-6.
template <class Arch>
void abs_sums(const float* w, std::size_t n, std::size_t group, double* sums) noexcept {
    if (group < streaming_group) abs_sums_ahead<Arch, 1>(w, n, group, sums);
    else abs_sums_ahead<Arch, 4>(w, n, group, sums);
}

}  // namespace bitnet::inline BITNET_ABI::kernel
