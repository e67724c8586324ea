/// Five codes a byte, 1.6 bits a code: the smallest file, one multiplication a code to read.
#pragma once

#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI::pack {

/// Byte b of a row holds codes 5b ... 5b+4 as the digits code + 1 of a number v in base 3, the first one most
/// significant, and stores the fraction v/243 in 8-bit fixed point, rounded up:
///
///     v = Σ (code[5b+n] + 1)·3^(4-n)      byte = ceil(256·v / 243)      digit n = (3·(byte·3^n mod 256)) >> 8
///
/// Reading needs no division, and a kernel peels one digit a multiplication. Five zeros are 0x80, the padding too.
/// Source  the digit order of ggml's ternary type TQ1_0, whose rows are cut into blocks of 256 where these are not
struct Trit5 {
    static constexpr Role role = Role::layout;
    static constexpr std::string_view name = "trit5";
    static constexpr Layout layout = Layout::trit5;
    static constexpr std::size_t codes_per_byte = 5;

    template <class Arch = void>
    static constexpr void pack(std::span<const std::int8_t> codes, std::span<std::uint8_t> bytes) noexcept {
        for (std::size_t b = 0; 5 * b < codes.size(); ++b) {
            unsigned v = 0;
            for (std::size_t i = 5 * b; i < 5 * b + 5; ++i)
                v = 3 * v + static_cast<unsigned>(i < codes.size() ? codes[i] + 1 : 1);
            bytes[b] = static_cast<std::uint8_t>((256 * v + 242) / 243);
        }
    }
    template <class Arch = void>
    static constexpr void unpack(std::span<const std::uint8_t> bytes, std::span<std::int8_t> codes) noexcept {
        unsigned fraction = 0;
        for (std::size_t i = 0; i < codes.size(); ++i) {
            fraction = 3 * (i % 5 == 0 ? bytes[i / 5] : fraction & 0xff);
            codes[i] = static_cast<std::int8_t>(static_cast<int>(fraction >> 8) - 1);
        }
    }
    template <class Arch = void>
    static constexpr bool valid(std::uint8_t byte) noexcept {
        const unsigned v = byte * 243u / 256u;  // the only number whose fraction could round up to this byte
        return (256 * v + 242) / 243 == byte;
    }
    bool operator==(const Trit5&) const = default;
};

static_assert(PackLayout<Trit5>);

}  // namespace bitnet::inline BITNET_ABI::pack
