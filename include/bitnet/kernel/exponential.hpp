/// e^x in a form that compilers turn into vector instructions: std::exp of floats took a tenth of reading a prompt.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include <bitnet/config/abi.hpp>
#include <bitnet/config/macros.hpp>

namespace bitnet::inline BITNET_ABI {

/// e^x. Floats: relative error below 2e-7; 0 below -86.5, infinity above 86.5, NaN for NaN. Doubles: std::exp.
///
/// x = n·ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that r is exact to the last bit or so, and the Taylor series
/// of e^r to degree 7.
template <class T>
BITNET_INLINE T exponential(T x) noexcept {
    if constexpr (!std::is_same_v<T, float>) {
        return std::exp(x);
    } else {
        // Choices are made by masks: compilers make branches of any other, and then no vectors.
        constexpr std::int32_t limit = std::bit_cast<std::int32_t>(86.5f), infinite = 0x7f800000, nan = 0x7fc00000;
        constexpr float magic = 0x1.8p23f;  // adding it leaves no bits for a fraction
        const std::int32_t bits = std::bit_cast<std::int32_t>(x), magnitude = bits & 0x7fffffff;
        const std::int32_t outside = -static_cast<std::int32_t>(magnitude > limit);
        const std::int32_t missing = -static_cast<std::int32_t>(magnitude > infinite);
        const float inside = std::bit_cast<float>((bits & ~outside) | (limit & outside));
        const float shifted = inside * 0x1.715476p+0f + magic;
        const float n = shifted - magic;
        const float r = (inside - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
        float series = 1.0f / 5040;
        series = series * r + 1.0f / 720;
        series = series * r + 1.0f / 120;
        series = series * r + 1.0f / 24;
        series = series * r + 1.0f / 6;
        series = series * r + 0.5f;
        series = series * r + 1.0f;
        series = series * r + 1.0f;
        // n is what the last bits of `shifted` count.
        const std::int32_t power = std::bit_cast<std::int32_t>((std::bit_cast<std::uint32_t>(shifted) + 127u) << 23);
        const std::int32_t product = std::bit_cast<std::int32_t>(series * std::bit_cast<float>(power));
        const std::int32_t end = (infinite & ~(bits >> 31)) | (nan & missing);
        return std::bit_cast<float>((product & ~outside) | (end & outside));
    }
}

}  // namespace bitnet::inline BITNET_ABI
