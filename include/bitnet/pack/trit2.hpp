/// Two bits a code, four codes a byte: one shift and one mask to read, the layout that kernels run on.
#pragma once

#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI::pack {

/// Byte b of a row holds codes 4b ... 4b+3, the first in the lowest bits; two bits hold code + 1.
///
///     bit    7 6 | 5 4 | 3 2 | 1 0          00 = -1    01 = 0    10 = +1    11 never
///     code  4b+3  4b+2  4b+1   4b
///
/// Integers only, so the bytes are the same on every machine. Four zeros are 0x55, and so is the padding.
struct Trit2 {
    static constexpr Role role = Role::layout;
    static constexpr std::string_view name = "trit2";
    static constexpr Layout layout = Layout::trit2;
    static constexpr std::size_t codes_per_byte = 4;

    template <class Arch = void>
    static constexpr void pack(std::span<const std::int8_t> codes, std::span<std::uint8_t> bytes) noexcept {
        const std::size_t whole = codes.size() / 4;
        for (std::size_t b = 0; b < whole; ++b)
            bytes[b] = static_cast<std::uint8_t>((codes[4 * b] + 1) | (codes[4 * b + 1] + 1) << 2 |
                                                 (codes[4 * b + 2] + 1) << 4 | (codes[4 * b + 3] + 1) << 6);
        if (4 * whole == codes.size()) return;
        unsigned last = 0x55;
        for (std::size_t i = 4 * whole; i < codes.size(); ++i) {
            const unsigned shift = static_cast<unsigned>(2 * (i % 4));
            last = (last & ~(3u << shift)) | static_cast<unsigned>(codes[i] + 1) << shift;
        }
        bytes[whole] = static_cast<std::uint8_t>(last);
    }
    template <class Arch = void>
    static constexpr void unpack(std::span<const std::uint8_t> bytes, std::span<std::int8_t> codes) noexcept {
        for (std::size_t i = 0; i < codes.size(); ++i)
            codes[i] = static_cast<std::int8_t>(((bytes[i / 4] >> (2 * (i % 4))) & 3) - 1);
    }
    template <class Arch = void>
    static constexpr bool valid(std::uint8_t byte) noexcept {
        return (byte & (byte >> 1) & 0x55) == 0;
    }
    bool operator==(const Trit2&) const = default;
};

static_assert(PackLayout<Trit2>);

}  // namespace bitnet::inline BITNET_ABI::pack
