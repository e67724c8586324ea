#include <bitnet/text/added_tokens.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::AddedToken;
using bitnet::AddedTokens;
using bitnet::Normalizer;

namespace {

/// "a[7: b ]c": text, and in brackets the tokens with what they took.
std::string cut(const AddedTokens& tokens, std::string_view text, bool normalized = false, bool special = true) {
    std::string out;
    for (const auto& part : tokens.split(text, normalized, special)) {
        const auto piece = text.substr(part.begin, part.end - part.begin);
        out += part.id ? bitnet::message('[', *part.id, ':', piece, ']') : bitnet::message('(', piece, ')');
    }
    return out;
}

AddedTokens added_tokens(std::vector<AddedToken> tokens, const Normalizer& normalizer = {}) {
    return AddedTokens(std::move(tokens), normalizer, "f.json: added_tokens");
}

}  // namespace

TEST_CASE("the leftmost token is found, and of those that begin there the longest") {
    const auto tokens = added_tokens({{.id = 1, .content = "ab"}, {.id = 2, .content = "abc"}, {.id = 3, .content = "cd"}, {.id = 4}});
    CHECK(cut(tokens, "xabcdab") == "(x)[2:abc](d)[1:ab]");
    CHECK(cut(tokens, "abab") == "[1:ab][1:ab]");
    CHECK(cut(tokens, "cab") == "(c)[1:ab]");
    CHECK(cut(tokens, "").empty());
    CHECK(cut(AddedTokens(), "ab") == "(ab)");
}

TEST_CASE("a token that stands alone is not found inside a word") {
    const auto tokens = added_tokens({{.id = 1, .content = "ab", .single_word = true}});
    CHECK(cut(tokens, "ab.ab") == "[1:ab](.)[1:ab]");
    CHECK(cut(tokens, "abé éab ab_") == "(abé éab ab_)");
    CHECK(cut(tokens, "ab\u0301 ab") == "(ab\u0301 )[1:ab]");
}

TEST_CASE("tokens take the white space on the sides that they ask for") {
    const auto tokens = added_tokens({{.id = 1, .content = "L", .lstrip = true}, {.id = 2, .content = "R", .rstrip = true}});
    CHECK(cut(tokens, "a \u3000La") == "(a)[1: \u3000L](a)");
    CHECK(cut(tokens, "a R\n b") == "(a )[2:R\n ](b)");
    CHECK(cut(tokens, "R  L") == "[2:R  ][1:L]");
    CHECK(cut(tokens, " L") == "[1: L]");
    CHECK(cut(tokens, "R ") == "[2:R ]");
}

TEST_CASE("special tokens are text when the caller says so, others are not") {
    const auto tokens = added_tokens({{.id = 1, .content = "<s>", .special = true}, {.id = 2, .content = "ab"}});
    CHECK(cut(tokens, "<s>ab") == "[1:<s>][2:ab]");
    CHECK(cut(tokens, "<s>ab", false, false) == "(<s>)[2:ab]");
    CHECK(tokens.is_special(1));
    CHECK_FALSE(tokens.is_special(2));
}

TEST_CASE("normalized tokens are searched by their normalized text, in their own group") {
    const Normalizer prepend({bitnet::normalizer::Prepend{"_"}});
    const auto tokens = added_tokens({{.id = 1, .content = "x", .normalized = true}, {.id = 2, .content = "y"}}, prepend);
    CHECK(cut(tokens, "a_xy", true) == "(a)[1:_x](y)");
    CHECK(cut(tokens, "a_xy", false) == "(a_x)[2:y]");
    CHECK(tokens.text_of(1) == "_x");
    CHECK(tokens.text_of(2) == "y");
    CHECK_FALSE(tokens.text_of(3).has_value());
    CHECK(tokens.table().token_of(1) == "x");
}

TEST_CASE("an added token is read with its flags, and two of the same id or content are refused") {
    const auto json = bitnet::parse_json(R"({"content": "x", "special": true, "lstrip": true})", "f");
    CHECK(AddedToken::from(bitnet::Fields(json, "f.json"), 9) ==
          AddedToken{.id = 9, .content = "x", .lstrip = true, .special = true});
    const auto plain = bitnet::parse_json(R"({"content": "x"})", "f");
    CHECK(AddedToken::from(bitnet::Fields(plain, "f.json"), 9).normalized);
    CHECK_THROWS_WITH_AS(added_tokens({{.id = 1, .content = "a"}, {.id = 1, .content = "b"}}),
                         "f.json: added_tokens: id 1 is that of \"a\" and of \"b\"", bitnet::error);
    CHECK_THROWS_AS(added_tokens({{.id = 1, .content = "a"}, {.id = 2, .content = "a"}}), bitnet::error);
}
