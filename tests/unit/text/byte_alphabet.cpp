#include <bitnet/text/byte_alphabet.hpp>  // first, so that it cannot lean on another include

#include <string>

#include <doctest/doctest.h>

using bitnet::byte_alphabet;
using bitnet::from_byte_alphabet;
using bitnet::to_byte_alphabet;

static_assert(byte_alphabet[0x20] == 0x120 && byte_alphabet[0x0a] == 0x10a && byte_alphabet[0x09] == 0x109);
static_assert(byte_alphabet[0x7f] == 0x121 && byte_alphabet[0xa0] == 0x142 && byte_alphabet[0xad] == 0x143);
static_assert(byte_alphabet['!'] == '!' && byte_alphabet[0xff] == 0xff && byte_alphabet[0] == 0x100);

TEST_CASE("every byte survives the way into the alphabet and back") {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(static_cast<unsigned char>(byte));
    const std::string text = to_byte_alphabet(bytes);
    CHECK(bitnet::is_valid_utf8(text));
    CHECK(from_byte_alphabet(text) == bytes);
    CHECK(to_byte_alphabet(" é\n") == "\u0120\u00c3\u00a9\u010a");
}

TEST_CASE("a character outside the alphabet stands for no byte") {
    for (const char* text : {" ", "a b", "\u00a0", "\u00ad", "\u0144", "日", "\x7f"}) CHECK_FALSE(from_byte_alphabet(text).has_value());
    CHECK(from_byte_alphabet("") == "");
}
