/// Unsigned integers out of a file's bytes.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// The integer whose bytes, the lowest first, begin at `offset`, at any alignment. The caller has checked that
/// offset + sizeof(Integer) <= bytes.size().
template <std::unsigned_integral Integer>
constexpr Integer little_endian(std::span<const std::byte> bytes, std::size_t offset = 0) noexcept {
    Integer out = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i)
        out = static_cast<Integer>(out | static_cast<Integer>(bytes[offset + i]) << (8 * i));
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
