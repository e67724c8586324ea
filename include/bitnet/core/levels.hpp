/// The levels that sums of trit planes make, and those beside an offset.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// The nearest of the levels Σ_p scales[p]·code_p; where two are as near, the one whose first code is 0, then the smaller one.
/// Negative scales never come here.
template <std::size_t Planes>
float nearest_level(const std::array<float, Planes>& scales, float w, std::array<std::int8_t, Planes>& codes, std::size_t plane = 0) noexcept {
    const float scale = scales[plane];
    if (plane + 1 == Planes) {
        const std::int8_t code = scale > 0 && std::abs(w) > scale / 2 ? (w < 0 ? std::int8_t{-1} : std::int8_t{1}) : std::int8_t{0};
        codes[plane] = code;
        return scale * static_cast<float>(code);
    }
    float best = 0, least = std::numeric_limits<float>::infinity();
    for (const std::int8_t code : {std::int8_t{0}, std::int8_t{-1}, std::int8_t{1}}) {
        std::array<std::int8_t, Planes> tried = codes;
        const float level = scale * static_cast<float>(code), all = level + nearest_level(scales, w - level, tried, plane + 1);
        if (std::abs(w - all) >= least) continue;
        least = std::abs(w - all);
        best = all;
        codes = tried;
        codes[plane] = code;
    }
    return best;
}

/// The levels of one region: offset + Σ_p scales[p]·code_p. Scales are >= 0, the offset has any sign.
template <std::size_t Planes>
struct Levels {
    std::array<float, Planes> scales{};
    float offset = 0;

    float nearest(float w, std::array<std::int8_t, Planes>& codes) const noexcept {
        return offset + nearest_level<Planes>(scales, w - offset, codes);
    }
    bool operator==(const Levels&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI
