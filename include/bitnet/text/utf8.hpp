/// UTF-8 one character at a time, and what becomes of bytes that are none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// U+FFFD, what stands in the place of bytes that are no UTF-8.
inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

/// The character that begins at a place in a text, or the bytes there that are none.
struct Utf8Step {
    enum class Kind {
        whole,   ///< a character
        broken,  ///< a maximal subsequence that begins like a character and goes on differently, or one stray byte
        cut,     ///< the text ends before the character does
    };
    char32_t character = 0xfffd;  ///< U+FFFD unless whole
    std::size_t bytes = 1;        ///< how far to step, 1 ... 4
    Kind kind = Kind::broken;
};

namespace detail {
struct Utf8Lead {
    std::size_t bytes;                  ///< of the whole character; 0 when no character begins so
    unsigned char lowest, highest;      ///< of the second byte: no overlong forms, no surrogates, nothing past U+10FFFF
};
constexpr Utf8Lead utf8_lead(unsigned char byte) {
    if (byte < 0x80) return {1, 0, 0};
    if (byte < 0xc2 || byte > 0xf4) return {0, 0, 0};
    const std::size_t bytes = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const unsigned char lowest = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    const unsigned char highest = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return {bytes, lowest, highest};
}
}  // namespace detail

/// What begins at text[at], at < text.size().
///
/// Source  The Unicode Standard, section 3.9: table 3-7, and "U+FFFD substitution of maximal subparts"
constexpr Utf8Step utf8_step(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const detail::Utf8Lead lead = detail::utf8_lead(first);
    if (lead.bytes == 1) return {first, 1, Utf8Step::Kind::whole};
    if (lead.bytes == 0) return {};
    char32_t character = first & (0x7fu >> lead.bytes);
    for (std::size_t i = 1; i < lead.bytes; ++i) {
        if (at + i == text.size()) return {0xfffd, i, Utf8Step::Kind::cut};
        const auto next = static_cast<unsigned char>(text[at + i]);
        const bool fits = i == 1 ? next >= lead.lowest && next <= lead.highest : (next & 0xc0u) == 0x80u;
        if (!fits) return {0xfffd, i, Utf8Step::Kind::broken};
        character = (character << 6) | (next & 0x3fu);
    }
    return {character, lead.bytes, Utf8Step::Kind::whole};
}

constexpr bool is_valid_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = utf8_step(text, at);
        if (step.kind != Utf8Step::Kind::whole) return false;
        at += step.bytes;
    }
    return true;
}

/// Takes whole characters from the front of `bytes` and returns them as UTF-8, each maximal invalid subsequence as one
/// U+FFFD. A character whose end may still come stays in `bytes`.
inline std::string take_characters(std::string& bytes) {
    std::string out;
    std::size_t at = 0;
    while (at < bytes.size()) {
        const Utf8Step step = utf8_step(bytes, at);
        if (step.kind == Utf8Step::Kind::cut) break;
        out += step.kind == Utf8Step::Kind::whole ? std::string_view(bytes).substr(at, step.bytes) : replacement_character;
        at += step.bytes;
    }
    bytes.erase(0, at);
    return out;
}

/// The text with one U+FFFD in the place of each maximal subsequence that is not UTF-8.
inline std::string repair_utf8(std::string_view text) {
    std::string rest(text);
    std::string out = take_characters(rest);
    if (!rest.empty()) out += replacement_character;
    return out;
}

/// Appends a character, at most U+10FFFF.
inline void append_utf8(std::string& out, char32_t character) {
    const auto put = [&out](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (character < 0x80) return put(character);
    if (character < 0x800) {
        put(0xc0 | character >> 6);
    } else if (character < 0x10000) {
        put(0xe0 | character >> 12);
        put(0x80 | (character >> 6 & 0x3f));
    } else {
        put(0xf0 | character >> 18);
        put(0x80 | (character >> 12 & 0x3f));
        put(0x80 | (character >> 6 & 0x3f));
    }
    put(0x80 | (character & 0x3f));
}

/// The Unicode property White_Space, which no version since 6.3 has changed.
constexpr bool is_white_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace bitnet::inline BITNET_ABI
