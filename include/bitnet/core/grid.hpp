/// The levels that one region of weights is rounded to.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include <bitnet/config/abi.hpp>
#include <bitnet/config/macros.hpp>

namespace bitnet::inline BITNET_ABI {

/// Levels {-alpha, 0, +alpha} of one region and where zero ends:
///
///     code(w) = 0 where |w| < keep, else sign(w)        ŵ = alpha·code        code(±0) = 0 for every keep
///
/// One comparison serves both ways to treat a tie: `keep = cut` keeps |w| = cut (the rule `|w| < cut -> 0`), and
/// `keep = above(cut)` zeroes it (nearest level, ties to zero).
struct Grid {
    float alpha = 0;
    float keep = std::numeric_limits<float>::infinity();
    bool operator==(const Grid&) const = default;
};

/// The next float above a finite x >= 0.
BITNET_INLINE constexpr float above(float x) noexcept {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) + 1u);
}

/// Where zero ends when each weight takes the nearest of {-alpha, 0, +alpha} and a tie goes to 0.
BITNET_INLINE constexpr float nearest_keep(float alpha) noexcept { return above(alpha / 2); }

}  // namespace bitnet::inline BITNET_ABI
