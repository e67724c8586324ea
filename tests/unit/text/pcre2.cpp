#include <bitnet/text/pcre2.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using bitnet::errc;
using bitnet::Regex;

namespace {

std::vector<std::string> found(std::string_view pattern, std::string_view text) {
    std::vector<std::string> out;
    Regex(pattern, "file: pattern").for_each_match(text, [&](std::size_t begin, std::size_t end) {
        out.emplace_back(text.substr(begin, end - begin));
    });
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("matches come from left to right and know letters and numbers of every script") {
    CHECK(found("\\p{L}+", "aé1日本 x") == Texts{"aé", "日本", "x"});
    CHECK(found("\\p{N}", "½٣Ⅷ") == Texts{"½", "٣", "Ⅷ"});
    CHECK(found("(?i:'s)", "'S 'ſ") == Texts{"'S", "'ſ"});
    CHECK(found("x", "") == Texts{});
}

TEST_CASE("white space is Unicode's, without the Mongolian vowel separator, in a class and outside") {
    const std::string separator = "\u180e", space = "\u3000";
    CHECK(found("\\s", separator + space) == Texts{space});
    CHECK(found("[\\s]", separator + space) == Texts{space});
    CHECK(found("\\S", separator + space) == Texts{separator});
    CHECK(found("[^\\S]", separator + space) == Texts{space});
    CHECK(found("[^\\s]", separator + space) == Texts{separator});
}

TEST_CASE("word characters are letters, marks, digits and connectors") {
    CHECK(found("\\w+", "e\u0301_1-x") == Texts{"e\u0301_1", "x"});
    CHECK(found("[\\w.]+", "a.b c") == Texts{"a.b", "c"});
    CHECK(found("\\W", "a-b") == Texts{"-"});
    CHECK(found("\\h", "aG9") == Texts{"a", "9"});
    CHECK(found("[\\h]", "xF") == Texts{"F"});
}

TEST_CASE("brackets and escapes in a class are kept") {
    CHECK(found("[]a]+", "]a[") == Texts{"]a"});
    CHECK(found("[^]a]", "]a[") == Texts{"["});
    CHECK(found("[[:digit:]x]+", "1x:") == Texts{"1x"});
    CHECK(found("\\[\\\\]", "\\]") == Texts{});
    CHECK(found("\\[\\\\\\]", "[\\]") == Texts{"[\\]"});
    CHECK(found("[\\]\\[]", "a]") == Texts{"]"});
}

TEST_CASE("an empty match directly behind a match is none") {
    std::vector<std::pair<std::size_t, std::size_t>> bounds;
    Regex("x*", "p").for_each_match("axéx", [&](std::size_t begin, std::size_t end) { bounds.emplace_back(begin, end); });
    CHECK(bounds == std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {1, 2}, {4, 5}});
}

TEST_CASE("a pattern that is wrong, or means something else here, is refused by its place") {
    const auto refusal = [](std::string_view pattern, errc code) {
        try {
            Regex(pattern, "f.json: pre_tokenizer.pattern.Regex");
        } catch (const bitnet::error& problem) {
            CHECK(problem.code() == code);
            return std::string(problem.what());
        }
        return std::string("accepted");
    };
    CHECK(refusal("a(", errc::bad_file) ==
          "f.json: pre_tokenizer.pattern.Regex: not a regular expression: missing closing parenthesis at byte 2, found \"a(\"");
    CHECK(refusal("[a[b]]", errc::unsupported) ==
          "f.json: pre_tokenizer.pattern.Regex: a class in a class is not supported, found \"[a[b]]\"");
    CHECK(refusal("[a&&b]", errc::unsupported).find("&& in a class") != std::string::npos);
    CHECK(refusal("[\\W]", errc::unsupported).find("\\W in a class") != std::string::npos);
    CHECK(refusal("\\H", errc::unsupported).find("\\H is not") != std::string::npos);
    CHECK(refusal("[", errc::bad_file) != "accepted");
    CHECK(refusal("\\", errc::bad_file) != "accepted");
}

TEST_CASE("long runs are found, and a pattern that needs exponential time gives up") {
    const std::string spaces(200'000, ' ');
    CHECK(found("\\s+(?!\\S)|\\s+", spaces + "x") == Texts{spaces.substr(1), " "});
    CHECK(found("(?:ab|c)+", [] {
              std::string text;
              for (int i = 0; i < 100'000; ++i) text += "ab";
              return text;
          }()).size() == 1);
    CHECK_THROWS_AS(found("(a|a|a)+$", std::string(200, 'a') + "b"), bitnet::error);
}
