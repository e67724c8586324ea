/// What happens to the weights that share one scale.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <bitnet/core/error.hpp>
#include <bitnet/core/grid.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI {

/// Exponent bits, because std::isfinite is always true under an including program's -ffast-math.
constexpr bool is_finite(double x) noexcept {
    return (std::bit_cast<std::uint64_t>(x) & 0x7ff0'0000'0000'0000u) != 0x7ff0'0000'0000'0000u;
}
constexpr bool is_finite(float x) noexcept { return (std::bit_cast<std::uint32_t>(x) & 0x7f80'0000u) != 0x7f80'0000u; }

/// Follows whether all weights seen so far are in {-a, 0, +a} for one a. Usually the second weight says no.
class TernaryDetector {
public:
    /// False as soon as two different magnitudes have been seen.
    bool add(std::span<const float> w) noexcept {
        for (std::size_t i = 0; ternary_ && i < w.size(); ++i) {
            const float magnitude = std::fabs(w[i]);
            if (magnitude == 0) continue;
            if (magnitude_ == 0) magnitude_ = magnitude;
            ternary_ = magnitude == magnitude_;
        }
        return ternary_;
    }
    /// The grid that gives such weights back unchanged; alpha = 0 where all were zero.
    Grid grid() const noexcept { return magnitude_ == 0 ? Grid{} : Grid{magnitude_, magnitude_}; }

private:
    float magnitude_ = 0;
    bool ternary_ = true;
};

/// Refuses what a user's policy must not return, by the policy's name.
inline void check_alpha(std::string_view policy, float alpha) {
    if (!is_finite(alpha) || alpha < 0)
        throw error(errc::bad_policy, message(policy, " returned the scale ", alpha, "; it must be finite and >= 0"));
}

/// Grid of one region by a quantizer that fits one, given sum = Σ|w|, finite.
template <class Quantizer, class Sparsity>
    requires(MeanQuantizer<Quantizer> || GridQuantizer<Quantizer>)
Grid fit_grid(const Quantizer& quantizer, const Sparsity& sparsity, std::span<const float> w, double sum,
              const Kernels& kernels, std::span<float> scratch) {
    Grid grid;
    if constexpr (GridQuantizer<Quantizer>) {
        grid = quantizer.fit(w, kernels, scratch);
    } else {
        grid.alpha = quantizer.alpha(sum / static_cast<double>(w.size()));
        if constexpr (ScaleSparsity<Sparsity>)
            grid.keep = sparsity.keep(grid.alpha);
        else
            grid.keep = sparsity.keep(w, scratch);
    }
    check_alpha(Quantizer::name, grid.alpha);
    return grid;
}

/// True when a grid leaves nothing but zeros of a region; its scale is then stored as 0. A threshold up to the mean
/// magnitude always keeps the largest weight, so the weights are rarely looked at.
inline bool keeps_nothing(const Grid& grid, std::span<const float> w, double sum) noexcept {
    if (static_cast<double>(grid.keep) <= 0.999 * sum / static_cast<double>(w.size())) return false;
    for (const float x : w)
        if (std::fabs(x) >= grid.keep && x != 0) return false;
    return true;
}

/// Codes and scale of one region by a quantizer that writes codes itself.
template <CodeQuantizer Quantizer>
float quantize_region(const Quantizer& quantizer, std::span<const float> w, std::span<std::int8_t> codes) {
    const float alpha = quantizer.quantize(w, codes);
    check_alpha(Quantizer::name, alpha);
    bool all_zero = true;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] < -1 || codes[i] > 1)
            throw error(errc::bad_policy, message(Quantizer::name, " returned the code ", static_cast<int>(codes[i]),
                                                  " at position ", i, " of its region; codes are -1, 0 and 1"));
        all_zero = all_zero && codes[i] == 0;
    }
    return all_zero ? 0.0f : alpha;
}

}  // namespace bitnet::inline BITNET_ABI
