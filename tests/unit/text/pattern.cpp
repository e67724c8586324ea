#include <bitnet/text/pattern.hpp>  // first, so that it cannot lean on another include

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Fields;
using bitnet::Json;
using bitnet::Pattern;
using bitnet::Regex;

TEST_CASE("a literal is taken letter by letter, an expression as one") {
    CHECK(Pattern("a.").replace("a.ab a.a.", "-", 100) == "-ab --");
    CHECK(Pattern(Regex("a.", "p")).replace("a.ab a.a.", "-", 100) == "-- --");
    CHECK(Pattern("aa").replace("aaaaa", "b", 100) == "bba");
    CHECK(Pattern("x").replace("", "b", 100).empty());
}

TEST_CASE("a result that grows past its limit is refused") {
    CHECK(Pattern("a").replace("aa", "bb", 4) == "bbbb");
    CHECK_THROWS_WITH_AS(Pattern("a").replace("aa", "bbb", 4), "text: replacements make it longer than 4 bytes", bitnet::error);
}

TEST_CASE("a pattern is read from String or Regex, and neither may be missing or empty") {
    const auto from = [](const char* text) {
        const Json json = bitnet::parse_json(text, "f");
        return Pattern::from(Fields(json, "f.json", "pattern")).replace("a.b", "-", 100);
    };
    CHECK(from(R"({"String": "."})") == "a-b");
    CHECK(from(R"({"Regex": "."})") == "---");
    CHECK_THROWS_WITH_AS(from("{}"), "f.json: pattern.String is missing", bitnet::error);
    CHECK_THROWS_WITH_AS(from(R"({"String": ""})"), "f.json: pattern.String is empty", bitnet::error);
}
