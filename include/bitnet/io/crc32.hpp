/// The two 32-bit checksums of files that we read or write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// What a byte does to a checksum whose polynomial is given with reflected bits.
template <std::uint32_t polynomial>
inline constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < out.size(); ++i) {
        out[i] = i;
        for (int bit = 0; bit < 8; ++bit) out[i] = out[i] >> 1 ^ ((out[i] & 1) != 0 ? polynomial : 0);
    }
    return out;
}();

/// Least bit first, all bits inverted before and after.
template <std::uint32_t polynomial, class Bytes>
constexpr std::uint32_t crc_of(Bytes bytes) noexcept {
    std::uint32_t crc = ~std::uint32_t{0};
    for (const auto byte : bytes)
        crc = crc >> 8 ^ crc_table<polynomial>[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
    return ~crc;
}

}  // namespace detail

/// CRC-32 as ZIP, PNG and W&B use it (IEEE 802.3, polynomial 0xedb88320 reflected).
constexpr std::uint32_t crc32_ieee(std::string_view bytes) noexcept { return detail::crc_of<0xedb88320u>(bytes); }
constexpr std::uint32_t crc32_ieee(std::span<const std::byte> bytes) noexcept { return detail::crc_of<0xedb88320u>(bytes); }

/// CRC-32C (Castagnoli, RFC 3720, polynomial 0x82f63b78 reflected).
constexpr std::uint32_t crc32c(std::string_view bytes) noexcept { return detail::crc_of<0x82f63b78u>(bytes); }

}  // namespace bitnet::inline BITNET_ABI
