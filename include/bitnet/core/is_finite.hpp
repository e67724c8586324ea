/// Whether a float or a double is neither infinite nor NaN.
#pragma once

#include <bit>
#include <cstdint>

#include <bitnet/config/abi.hpp>
#include <bitnet/config/macros.hpp>

namespace bitnet::inline BITNET_ABI {

// Exponent bits: under an including program's -ffast-math, std::isfinite is always true.
BITNET_INLINE constexpr bool is_finite(float x) noexcept { return (std::bit_cast<std::uint32_t>(x) & 0x7f80'0000u) != 0x7f80'0000u; }
BITNET_INLINE constexpr bool is_finite(double x) noexcept {
    return (std::bit_cast<std::uint64_t>(x) & 0x7ff0'0000'0000'0000u) != 0x7ff0'0000'0000'0000u;
}

}  // namespace bitnet::inline BITNET_ABI
