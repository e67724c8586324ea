#include <bitnet/io/json_value.hpp>

#include <doctest/doctest.h>

using bitnet::Json;

TEST_CASE("a value says what it is when another kind was expected") {
    CHECK(Json(nullptr).description() == "null");
    CHECK(Json(true).description() == "true");
    CHECK(Json(-3).description() == "-3");
    CHECK(Json(~std::uint64_t{0}).description() == "18446744073709551615");
    CHECK(Json(2.0).description() == "2.0");
    CHECK(Json("a\"b").description() == "\"a\\\"b\"");
    CHECK(Json::array({1, 2}).description() == "an array of 2");
    CHECK(Json::object().description() == "an object");
    CHECK_THROWS_WITH_AS(Json(1).as_string("name"), "name: expected a string, found 1", bitnet::error);
}

TEST_CASE("an object keeps its order, and a key stands in it once") {
    Json object = Json::object({{"b", 1}, {"a", 2}});
    object.set("b", 3).set("c", 4);
    CHECK(object.as_object()[0] == Json::Member("b", 3));
    CHECK(object.as_object()[2] == Json::Member("c", 4));
    CHECK_THROWS_WITH_AS(Json::object({{"x", 1}, {"x", 2}}), "repeated key \"x\"", bitnet::error);
}

TEST_CASE("words in messages are quoted and cut to a line's length between characters") {
    CHECK(bitnet::detail::quote("a\nb") == "\"a\\nb\"");
    CHECK(bitnet::detail::quote(std::string(300, 'x')).size() == 205);
}
