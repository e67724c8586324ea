#include <bitnet/core/glob.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

using bitnet::glob_match;

static_assert(glob_match("*.bias", "h.0.attn.c_attn.bias"));
static_assert(!glob_match("*.bias", "h.0.attn.bias.weight"));

TEST_CASE("a pattern without stars fits only itself, and a question mark one character") {
    CHECK(glob_match("", ""));
    CHECK(glob_match("wte.weight", "wte.weight"));
    CHECK_FALSE(glob_match("wte.weight", "WTE.weight"));
    CHECK_FALSE(glob_match("wte", "wte.weight"));
    CHECK_FALSE(glob_match("wte.weight", "wte"));
    CHECK(glob_match("h.?.ln_1", "h.7.ln_1"));
    CHECK_FALSE(glob_match("h.?.ln_1", "h.11.ln_1"));
    CHECK_FALSE(glob_match("h?", "h"));
    CHECK_FALSE(glob_match("", "h"));
    CHECK_FALSE(glob_match("?", ""));
}

TEST_CASE("a star stands for any run of characters, dots and nothing included") {
    CHECK(glob_match("*", ""));
    CHECK(glob_match("*", "a.b.c"));
    CHECK(glob_match("***", ""));
    CHECK(glob_match("*embed*", "model.embed_tokens.weight"));
    CHECK(glob_match("model.layers.*.q_proj.*", "model.layers.3.self_attn.q_proj.weight"));
    CHECK(glob_match("a*b*c", "abbcbc"));
    CHECK(glob_match("a*?c", "abc"));
    CHECK_FALSE(glob_match("a*?c", "ac"));
    CHECK_FALSE(glob_match("a*b", "a"));
    CHECK_FALSE(glob_match("*a", "b"));
}

TEST_CASE("the fast match agrees with the definition on every short pattern and name") {
    // The definition: a star is nothing, or one character and the same star again.
    struct Definition {
        static bool fits(std::string_view pattern, std::string_view name) {
            if (pattern.empty()) return name.empty();
            if (pattern[0] == '*')
                return fits(pattern.substr(1), name) || (!name.empty() && fits(pattern, name.substr(1)));
            return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
                   fits(pattern.substr(1), name.substr(1));
        }
    };
    const auto words = [](std::string_view letters, std::size_t length, auto&& visit) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < length; ++i) count *= letters.size();
        for (std::size_t word = 0; word < count; ++word) {
            std::string text;
            for (std::size_t i = 0, rest = word; i < length; ++i, rest /= letters.size())
                text += letters[rest % letters.size()];
            visit(text);
        }
    };
    std::size_t fitting = 0, different = 0;
    for (std::size_t p = 0; p <= 5; ++p)
        words("ab*?", p, [&](const std::string& pattern) {
            for (std::size_t n = 0; n <= 5; ++n)
                words("ab", n, [&](const std::string& name) {
                    const bool expected = Definition::fits(pattern, name);
                    fitting += expected ? 1u : 0u;
                    different += glob_match(pattern, name) == expected ? 0u : 1u;
                });
        });
    CHECK(fitting > 1000);
    CHECK(different == 0);
}

TEST_CASE("many stars against a long name end at once") {
    const std::string name(20000, 'a');
    std::string pattern;
    for (int i = 0; i < 50; ++i) pattern += "*a";
    CHECK(glob_match(pattern, name));
    CHECK_FALSE(glob_match(pattern + "b", name));
}
