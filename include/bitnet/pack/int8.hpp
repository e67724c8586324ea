/// One code a byte: the codes themselves, for looking at and for programs that know nothing else.
#pragma once

#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI::pack {

/// Byte = code as a signed 8-bit integer: 0xff is -1, 0x00 is 0, 0x01 is +1. 8 bits a weight.
struct Int8 {
    static constexpr Role role = Role::layout;
    static constexpr std::string_view name = "int8";
    static constexpr Layout layout = Layout::int8;
    static constexpr std::size_t codes_per_byte = 1;

    template <class Arch = void>
    static constexpr void pack(std::span<const std::int8_t> codes, std::span<std::uint8_t> bytes) noexcept {
        for (std::size_t i = 0; i < codes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(codes[i]);
    }
    template <class Arch = void>
    static constexpr void unpack(std::span<const std::uint8_t> bytes, std::span<std::int8_t> codes) noexcept {
        for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::int8_t>(bytes[i]);
    }
    template <class Arch = void>
    static constexpr bool valid(std::uint8_t byte) noexcept {
        return byte <= 1 || byte == 0xff;
    }
    bool operator==(const Int8&) const = default;
};

static_assert(PackLayout<Int8>);

}  // namespace bitnet::inline BITNET_ABI::pack
