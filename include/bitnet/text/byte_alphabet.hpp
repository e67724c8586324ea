/// The alphabet of byte-level BPE: every byte is one printable character.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>
#include <bitnet/text/utf8.hpp>

namespace bitnet::inline BITNET_ABI {

/// byte -> character. 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF are the characters of the same number; the other 68 bytes, in
/// ascending order, are U+0100, U+0101 and so on: a space is U+0120.
///
/// Source  Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2, and its program
inline constexpr std::array<char32_t, 256> byte_alphabet = [] {
    std::array<char32_t, 256> out{};
    char32_t next = 0x100;
    for (char32_t byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
        out[byte] = printable ? byte : next++;
    }
    return out;
}();

namespace detail {
inline constexpr std::array<int, 0x144> bytes_of_alphabet = [] {
    std::array<int, 0x144> out{};
    out.fill(-1);
    for (std::size_t byte = 0; byte < 256; ++byte) out[byte_alphabet[byte]] = static_cast<int>(byte);
    return out;
}();
}  // namespace detail

/// Every byte as its character, in UTF-8.
inline std::string to_byte_alphabet(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 4);
    for (const char byte : bytes) append_utf8(out, byte_alphabet[static_cast<unsigned char>(byte)]);
    return out;
}

/// The bytes that a text in the alphabet stands for; nothing when it holds a character that is not in the alphabet.
inline std::optional<std::string> from_byte_alphabet(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = utf8_step(text, at);
        if (step.character >= detail::bytes_of_alphabet.size()) return std::nullopt;
        const int byte = detail::bytes_of_alphabet[step.character];
        if (byte < 0) return std::nullopt;
        out += static_cast<char>(static_cast<unsigned char>(byte));
        at += step.bytes;
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
