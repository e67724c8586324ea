/// The scale is the mean magnitude; the sparsity policy cuts.
#pragma once

#include <algorithm>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/sparsity/fixed.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// One scale from the mean magnitude, zeros where the sparsity policy cuts.
///
///     α = max(mean|w|, 1e-8)      q = 0 where |w| < α·t, else sign(w)      ŵ = α·q
///
/// Shapes  a region of n weights that share one scale -> one α; an all-zero region is stored with α = 0
/// Knobs   none. The threshold t is the sparsity policy's: Fixed{0.1} unless another is given
/// Errors  none here: Compressor refuses NaN and Inf first, by tensor name and index
/// Source  the rule of the "BitNet 1.58 bit" phase this library replaces; a tie |w| = α·t is kept
struct AbsMean {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "absmean";
    using default_sparsity = sparsity::Fixed;

    BITNET_HD constexpr float alpha(double mean_magnitude) const noexcept {
        return std::max(static_cast<float>(mean_magnitude), 1e-8f);
    }
    bool operator==(const AbsMean&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
