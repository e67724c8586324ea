#include <bitnet/text/normalize.hpp>  // first, so that it cannot lean on another include

#include <string>

#include <doctest/doctest.h>

using bitnet::nfc;

TEST_CASE("form C composes what can be composed and orders marks") {
    CHECK(nfc("e\u0301") == "\u00e9");
    CHECK(nfc("\u212b") == "\u00c5");                // the Ångström sign is the letter
    CHECK(nfc("\u1112\u1161\u11ab") == "\ud55c");    // a Hangul syllable from its parts
    CHECK(nfc("a\u0315\u0300") == "\u00e0\u0315");   // marks in their canonical order
    CHECK(nfc("\u0958") == "\u0915\u093c");          // excluded from composition
    CHECK(nfc("\U0001d15e") == "\U0001d157\U0001d165");
}

TEST_CASE("form C leaves alone what is in it") {
    for (const std::string text : {"", "plain text\n", "é", "日本", "😀", "\ufb01", "\uffff", "½"}) CHECK(nfc(text) == text);
    CHECK(nfc(std::string("a\0e\u0301", 5)) == std::string("a\0\u00e9", 4));
}
