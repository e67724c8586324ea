#include <bitnet/model/config_reader.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

using bitnet::ConfigReader;
using bitnet::Json;
using bitnet::parse_json;

TEST_CASE("an absent key has its default and a present one its value") {
    const Json json = parse_json(
        R"({"n": 7, "eps": 1e-6, "whole": 3, "tied": true, "act": "silu", "list": ["a", "b"]})", "c");
    const ConfigReader keys(json, "c.json");
    CHECK(keys.count("n", 1) == 7);
    CHECK(keys.count("m", 5) == 5);
    CHECK(keys.required_count("n") == 7);
    CHECK(keys.layers("n", 1) == 7);
    CHECK(keys.whole("zero", 0) == 0);
    CHECK(keys.positive("eps", 1) == 1e-6);
    CHECK(keys.positive("whole", 1) == 3);
    CHECK(keys.positive("other", 0.5) == 0.5);
    CHECK(keys.required_positive("whole") == 3);
    CHECK(keys.flag("tied", false));
    CHECK(keys.flag("untied", true));
    CHECK(keys.text("act", "gelu") == "silu");
    CHECK(keys.text("other", "gelu") == "gelu");
    CHECK(keys.activation("act", "gelu") == bitnet::Activation::silu);
    CHECK(keys.texts("list").size() == 2);
    CHECK(keys.texts("none").empty());
    CHECK(keys.first_of("n", "tied") == "n");
    CHECK(keys.first_of("gone", "tied") == "tied");
    CHECK(keys.first_of("gone", "away") == "gone");
    CHECK_FALSE(keys.empty());
}

TEST_CASE("null is an error, except where it says something of its own") {
    const Json json = parse_json(R"({"n": null})", "c");
    const ConfigReader keys(json, "c.json");
    CHECK(keys.has("n"));
    CHECK(keys.is_null("n"));
    CHECK_FALSE(keys.is_null("m"));
    CHECK(keys.nullable_count("n", 4) == std::nullopt);
    CHECK(keys.nullable_count("m", 4) == 4);
    CHECK(keys.optional_positive("n") == std::nullopt);
    CHECK_FALSE(keys.dictionary("n").has_value());
    CHECK(keys.texts("n").empty());
    CHECK_THROWS_WITH_AS(keys.count("n", 1), "c.json: n: expected a whole number from 1 to 2147483647, found null",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(keys.flag("n", true), "c.json: n: expected true or false, found null", bitnet::error);
    CHECK_THROWS_WITH_AS(keys.text("n", ""), "c.json: n: expected a string, found null", bitnet::error);
}

TEST_CASE("a value of the wrong kind or out of range is refused by file and key") {
    const Json json = parse_json(
        R"({"zero": 0, "minus": -1, "half": 1.5, "whole": 2.0, "huge": 3000000000, "most": 18446744073709551615,
            "word": "12", "list": [1], "nested": {"factor": 0}})",
        "c");
    const ConfigReader keys(json, "c.json");
    const auto refused = [](const char* key, const char* found) {
        return std::string("c.json: ") + key + ": expected a whole number from 1 to 2147483647, found " + found;
    };
    CHECK_THROWS_WITH_AS(keys.count("zero", 1), refused("zero", "0").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.count("minus", 1), refused("minus", "-1").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.count("half", 1), refused("half", "1.5").c_str(), bitnet::error);
    CHECK_THROWS_AS(keys.count("whole", 1), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.count("huge", 1), refused("huge", "3000000000").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.count("most", 1), refused("most", "18446744073709551615").c_str(), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.count("word", 1), refused("word", "\"12\"").c_str(), bitnet::error);
    CHECK_THROWS_AS(keys.nullable_count("zero", 1), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.layers("huge", 1),
                         "c.json: huge: expected a whole number from 1 to 10000, found 3000000000", bitnet::error);
    CHECK_THROWS_AS(keys.whole("minus", 1), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.positive("zero", 1), "c.json: zero: expected a number above 0, found 0", bitnet::error);
    CHECK_THROWS_WITH_AS(keys.positive("word", 1), "c.json: word: expected a number above 0, found \"12\"",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(keys.texts("list"), "c.json: list: expected a string, found 1", bitnet::error);
    CHECK_THROWS_AS(keys.texts("word"), bitnet::error);
    CHECK_THROWS_WITH_AS(keys.dictionary("word"), "c.json: word: expected an object, found \"12\"", bitnet::error);
    CHECK_THROWS_WITH_AS(keys.required_count("gone"), "c.json: gone is missing", bitnet::error);
    CHECK_THROWS_WITH_AS(keys.activation("word", ""),
                         "c.json: word \"12\" is unknown; known: silu, swish, gelu_new, gelu_pytorch_tanh, gelu, relu, "
                         "relu2",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(keys.dictionary("nested")->required_positive("factor"),
                         "c.json: nested.factor: expected a number above 0, found 0", bitnet::error);
}
