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
#include <bitnet/core/is_finite.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI {

inline bool all_finite(std::span<const double> sums) noexcept {
    bool finite = true;
    for (const double sum : sums) finite &= is_finite(sum);  // every one: no branch, so vectors do it
    return finite;
}

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

/// False when its first two weights show that a region is not ternary: the first look, and nearly always the last.
inline bool first_two_may_be_ternary(const float* w) noexcept {
    const std::uint32_t a = std::bit_cast<std::uint32_t>(w[0]) & 0x7fff'ffffu;
    const std::uint32_t b = std::bit_cast<std::uint32_t>(w[1]) & 0x7fff'ffffu;
    return (((a - 1) | (b - 1) | ((a ^ b) - 1)) >> 31) != 0;  // of 31 bits less 1, only zero has the highest
}
inline bool may_be_ternary(std::span<const float> w) noexcept {
    return w.size() < 2 || first_two_may_be_ternary(w.data());
}

[[noreturn]] inline void refuse_alpha(std::string_view policy, float alpha) {
    throw error(errc::bad_policy, message(policy, " returned the scale ", alpha, "; it must be finite and >= 0"));
}
/// Whether a policy may return this scale: finite, and not negative; -0 is forgiven.
constexpr bool is_alpha(float alpha) noexcept { return std::bit_cast<std::uint32_t>(alpha + 0.0f) < 0x7f80'0000u; }
/// Refuses what a user's policy must not return, by the policy's name.
inline void check_alpha(std::string_view policy, float alpha) {
    if (!is_alpha(alpha)) refuse_alpha(policy, alpha);
}

/// Grid of one region by a quantizer that fits one, given mean|w|, finite.
template <class Quantizer, class Sparsity>
    requires(MeanQuantizer<Quantizer> || GridQuantizer<Quantizer>)
Grid fit_grid(const Quantizer& quantizer, const Sparsity& sparsity, std::span<const float> w, double mean,
              const Kernels& kernels, std::span<float> scratch) {
    Grid grid;
    if constexpr (GridQuantizer<Quantizer>) {
        grid = quantizer.fit(w, kernels, scratch);
    } else {
        grid.alpha = quantizer.alpha(mean);
        if constexpr (ScaleSparsity<Sparsity>)
            grid.keep = sparsity.keep(grid.alpha);
        else
            grid.keep = sparsity.keep(w, scratch);
    }
    check_alpha(Quantizer::name, grid.alpha);
    return grid;
}

/// A threshold up to the mean magnitude always keeps the largest weight.
constexpr bool surely_keeps_some(float keep, double mean) noexcept { return keep <= 0.999f * static_cast<float>(mean); }

/// True when a grid leaves nothing but zeros of a region; its scale is then stored as 0.
/// The weights are rarely looked at.
inline bool keeps_nothing(const Grid& grid, std::span<const float> w, double mean) noexcept {
    if (surely_keeps_some(grid.keep, mean)) return false;
    for (const float x : w)
        if (std::fabs(x) >= grid.keep && x != 0) return false;
    return true;
}

/// Σ|w| of regions of `group` weights each, the last of `last`, becomes mean|w|. Where `group` is a power of two, a
/// product with its inverse is the same number as the quotient, and far quicker.
inline void means_of_sums(std::span<double> sums, std::size_t group, std::size_t last) noexcept {
    if (sums.empty()) return;
    const double of_last = sums.back() / static_cast<double>(last);
    const double size = static_cast<double>(group), inverse = 1.0 / size;
    if (std::has_single_bit(group))
        for (double& sum : sums) sum *= inverse;
    else
        for (double& sum : sums) sum /= size;
    sums.back() = of_last;
}

/// Grids of regions of `group` weights each, means[g] = mean|w| of the g-th, where none needs a second look: short loops
/// without branches for what nearly every row is. False, and the grids are worth nothing, when one may be ternary or
/// keep nothing, or when the quantizer returned a bad scale; region by region is then the way.
template <MeanQuantizer Quantizer, ScaleSparsity Sparsity>
bool fit_plain_regions(const Quantizer& quantizer, const Sparsity& sparsity, std::span<const float> w,
                       std::size_t group, std::span<const double> means, std::span<Grid> grids) {
    if (group < 2) return false;
    unsigned odd = 0;  // not bool, of which g++ 12 makes no vectors
    for (std::size_t g = 0; g < grids.size(); ++g) odd |= unsigned{first_two_may_be_ternary(w.data() + g * group)};
    if (odd != 0) return false;  // before any call: a quantizer need not know what to do with a region of zeros
    for (std::size_t g = 0; g < grids.size(); ++g) grids[g].alpha = quantizer.alpha(means[g]);
    for (std::size_t g = 0; g < grids.size(); ++g) {
        const float alpha = grids[g].alpha;
        const float keep = sparsity.keep(alpha);
        grids[g].keep = keep;
        odd |= unsigned{!is_alpha(alpha)} | unsigned{!surely_keeps_some(keep, means[g])};
    }
    return odd == 0;
}

/// The scale of a region as it is kept: 0 where all codes are.  Errors  errc::bad_policy for what a policy must not return
inline float checked_region(std::string_view policy, float alpha, std::span<const std::int8_t> codes) {
    check_alpha(policy, alpha);
    bool all_zero = true;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        if (codes[i] < -1 || codes[i] > 1)
            throw error(errc::bad_policy, message(policy, " returned the code ", static_cast<int>(codes[i]), " at position ", i,
                                                  " of its region; codes are -1, 0 and 1"));
        all_zero = all_zero && codes[i] == 0;
    }
    return all_zero ? 0.0f : alpha;
}

/// Codes and scale of one region by a quantizer that writes codes itself.
template <CodeQuantizer Quantizer>
float quantize_region(const Quantizer& quantizer, std::span<const float> w, std::span<std::int8_t> codes) {
    return checked_region(Quantizer::name, quantizer.quantize(w, codes), codes);
}

}  // namespace bitnet::inline BITNET_ABI
