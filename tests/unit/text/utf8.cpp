#include <bitnet/text/utf8.hpp>  // first, so that it cannot lean on another include

#include <array>
#include <random>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

using bitnet::append_utf8;
using bitnet::is_valid_utf8;
using bitnet::repair_utf8;
using bitnet::take_characters;
using bitnet::utf8_step;
using Kind = bitnet::Utf8Step::Kind;

static_assert(utf8_step("\xf0\x9f\x98\x80", 0).character == 0x1f600);
static_assert(bitnet::is_white_space(0x85) && !bitnet::is_white_space(0x180e) && !bitnet::is_white_space(0x200b));

TEST_CASE("every character but surrogates survives the way to UTF-8 and back") {
    for (char32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 17) {
        if (c >= 0xd800 && c < 0xe000) continue;
        std::string text;
        append_utf8(text, c);
        const auto step = utf8_step(text, 0);
        const bool same = step.kind == Kind::whole && step.character == c && step.bytes == text.size();
        if (!same) FAIL("differs: ", static_cast<unsigned>(c));
    }
}

TEST_CASE("overlong forms, surrogates and numbers past the last character are no UTF-8") {
    for (const std::string_view text :
         {"\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\x80", "a\xbf", "\xe2\x82", "\xf0\x9f\x98"}) {
        CAPTURE(text);
        CHECK_FALSE(is_valid_utf8(text));
    }
    CHECK(is_valid_utf8(""));
    CHECK(is_valid_utf8(std::string_view("a\0\xef\xbf\xbf", 5)));
}

TEST_CASE("each maximal subsequence that is not UTF-8 becomes one U+FFFD") {
    const std::string bad = "\xef\xbf\xbd";
    CHECK(repair_utf8("aé") == "aé");
    CHECK(repair_utf8("\xe2\x82") == bad);                    // cut off at the end
    CHECK(repair_utf8("\xe2\x82z") == bad + "z");             // begins like a character
    CHECK(repair_utf8("\xf0\x9f\x98\xf0\x9f\x98\x80") == bad + "😀");
    CHECK(repair_utf8("\xed\xa0\x80") == bad + bad + bad);    // a surrogate: no character begins so
    // The example of The Unicode Standard, table 3-8.
    CHECK(repair_utf8("a\xf1\x80\x80\xe1\x80\xc2"
                      "b\x80"
                      "c\x80\xbf"
                      "d") == "a" + bad + bad + bad + "b" + bad + "c" + bad + bad + "d");
}

TEST_CASE("bytes that arrive one by one give the characters of all bytes together") {
    constexpr unsigned seed = 5;
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::array<unsigned char, 12> bytes{'a', 0x80, 0xbf, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0xed};
    for (int round = 0; round < 3000; ++round) {
        std::string text, waiting, out;
        for (auto n = random() % 12; n > 0; --n) text += static_cast<char>(bytes[random() % bytes.size()]);
        for (const char byte : text) {
            waiting += byte;
            out += take_characters(waiting);
            CHECK(is_valid_utf8(out));
            CHECK(waiting.size() <= 3);
        }
        out += repair_utf8(waiting);
        CHECK(out == repair_utf8(text));
        CHECK(is_valid_utf8(out));
    }
}
