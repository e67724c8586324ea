#include <bitnet/text/special_tokens.hpp>  // first, so that it cannot lean on another include

#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Fields;
using bitnet::special_token;

TEST_CASE("a control token is named by a string or by an object with its content") {
    const auto json = bitnet::parse_json(R"({"a": "<s>", "b": {"content": "<t>"}, "c": null, "d": 3, "e": {}})", "f");
    const Fields fields(json, "f.json");
    CHECK(special_token(fields, "a") == "<s>");
    CHECK(special_token(fields, "b") == "<t>");
    CHECK_FALSE(special_token(fields, "c").has_value());
    CHECK_FALSE(special_token(fields, "x").has_value());
    CHECK_THROWS_WITH_AS(special_token(fields, "d"), "f.json: d: expected a string, found 3", bitnet::error);
    CHECK_THROWS_WITH_AS(special_token(fields, "e"), "f.json: e.content is missing", bitnet::error);
}

TEST_CASE("tokenizer_config.json decides before special_tokens_map.json, also by null") {
    using Answer = std::pair<std::optional<std::string>, bool>;
    const auto first = bitnet::parse_json(R"({"a": "1", "b": null})", "f"), second = bitnet::parse_json(R"({"b": "2", "c": "3"})", "g");
    const std::optional<Fields> config(std::in_place, first, "f"), map(std::in_place, second, "g"), none;
    CHECK(special_token(config, map, "a") == Answer("1", true));
    CHECK(special_token(config, map, "b") == Answer(std::nullopt, true));
    CHECK(special_token(config, map, "c") == Answer("3", true));
    CHECK(special_token(config, map, "d") == Answer(std::nullopt, false));
    CHECK(special_token(none, map, "b") == Answer("2", true));
    CHECK(special_token(none, none, "b") == Answer(std::nullopt, false));
}
