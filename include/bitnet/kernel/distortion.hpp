/// Sums that say what quantization lost, the same to the last bit on every instruction set.
#pragma once

#include <algorithm>

#include <bitnet/kernel/arch/ops.hpp>
#include <bitnet/kernel/distortion_sums.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Adds weights and their levels: eight interleaved double lanes for each sum.
///
/// Every product has two float factors and is exact in a double, so that a compiler which fuses it with the addition
/// changes nothing. That is why w - ŵ is rounded to a float first (relative error 6e-8).
template <class Arch>
struct DistortionLanes {
    using O = Ops<Arch>;
    DoubleLanes<Arch, 8> weights, errors, products, levels, largest;

    /// Eight weights and eight levels.
    BITNET_INLINE void add(const float* w, const float* level, const float* error) noexcept {
        unroll<DoubleLanes<Arch, 8>::batches>([&](auto i) {
            const auto x = O::load_double(w + i * O::doubles);
            const auto y = O::load_double(level + i * O::doubles);
            const auto e = O::load_double(error + i * O::doubles);
            weights.lane[i] = weights.lane[i] + x * x;
            errors.lane[i] = errors.lane[i] + e * e;
            products.lane[i] = products.lane[i] + x * y;
            levels.lane[i] = levels.lane[i] + y * y;
            largest.lane[i] = O::larger(O::magnitude(e), largest.lane[i]);
        });
    }
    BITNET_INLINE double maximum() noexcept {
        double most = 0;
        for (std::size_t i = 0; i < DoubleLanes<Arch, 8>::batches; ++i) {
            alignas(64) double lane[O::doubles];
            std::memcpy(lane, &largest.lane[i], sizeof lane);
            for (const double x : lane) most = x > most ? x : most;
        }
        return most;
    }
};

/// Sums over one row of n weights: w against alpha·q with alphas[g] for the g-th `group` consecutive weights.
///
/// q: n codes; alphas: ceil(n / group) scales as they are stored; group >= 1. Lane i % 8 counts from the row's start,
/// wherever groups end.
template <class Arch>
void distortion(const float* w, const std::int8_t* q, const float* alphas, std::size_t n, std::size_t group,
                DistortionSums* sums) noexcept {
    constexpr std::size_t length = 256;
    float padded[length];
    float level[length];
    float error[length];
    DistortionLanes<Arch> lanes;
    std::size_t left = group;
    for (std::size_t begin = 0; begin < n; begin += length) {
        const std::size_t count = std::min(length, n - begin);
        const float* x = w + begin;
        if (count < length) {
            std::memset(padded, 0, sizeof padded);
            std::memset(level, 0, sizeof level);
            std::memcpy(padded, x, sizeof(float) * count);
            x = padded;
        }
        for (std::size_t i = 0; i < count;) {
            if (left == 0) {
                ++alphas;
                left = group;
            }
            const std::size_t run = std::min(left, count - i);
            const float alpha = *alphas;
            for (std::size_t k = i; k < i + run; ++k) level[k] = alpha * static_cast<float>(q[begin + k]);
            left -= run;
            i += run;
        }
        for (std::size_t i = 0; i < length; ++i) error[i] = x[i] - level[i];
        for (std::size_t i = 0; i < length; i += 8) lanes.add(x + i, level + i, error + i);
    }
    *sums = {lanes.weights.total(), lanes.errors.total(), lanes.products.total(), lanes.levels.total(),
             lanes.maximum()};
}

}  // namespace bitnet::inline BITNET_ABI::kernel
