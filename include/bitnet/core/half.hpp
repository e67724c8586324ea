/// The two 16-bit floating-point formats, as bits, with exact conversions that do not depend on compiler or CPU.
#pragma once

#include <bit>
#include <cstdint>

#include <bitnet/config/abi.hpp>
#include <bitnet/config/macros.hpp>

namespace bitnet::inline BITNET_ABI {

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits. Normal from 2^-14 to 65504.
struct Half {
    std::uint16_t bits = 0;
    bool operator==(const Half&) const = default;
};

/// bfloat16: the upper half of a binary32.
struct BFloat16 {
    std::uint16_t bits = 0;
    bool operator==(const BFloat16&) const = default;
};

/// Exact.
BITNET_INLINE BITNET_HD constexpr float to_float(BFloat16 x) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

/// Exact; NaN payloads keep their upper bits. Written as selects, not branches, so that loops over it vectorise.
BITNET_INLINE BITNET_HD constexpr float to_float(Half x) noexcept {
    const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(x.bits & 0x7fffu) << 13;
    // Read with an exponent 112 too small, then scaled by 2^112, which also normalises subnormals exactly.
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
    const std::uint32_t finite = std::bit_cast<std::uint32_t>(scaled);
    const std::uint32_t special = magnitude | 0x7f800000u;
    return std::bit_cast<float>(sign | ((x.bits & 0x7c00u) == 0x7c00u ? special : finite));
}

/// Nearest, ties to even; overflow gives infinity, NaN stays NaN.
BITNET_INLINE BITNET_HD constexpr BFloat16 to_bfloat16(float x) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
    return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

/// Nearest, ties to even; from 65520 on infinity, NaN stays NaN.
BITNET_INLINE BITNET_HD constexpr Half to_half(float x) noexcept {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    std::uint32_t half = 0;
    if (magnitude > 0x7f800000u)
        half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    else if (magnitude >= 0x477ff000u)  // 65520, the first that rounds past 65504
        half = 0x7c00u;
    else if (magnitude >= 0x38800000u)  // 2^-14, the smallest normal
        half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    else  // the sum with 0.5 leaves exactly the subnormal's bits, rounded to even by the addition itself
        half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    return {static_cast<std::uint16_t>(sign | half)};
}

}  // namespace bitnet::inline BITNET_ABI
