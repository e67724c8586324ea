#include <bitnet/text/vocabulary.hpp>  // first, so that it cannot lean on another include

#include <utility>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Fields;
using bitnet::Json;
using bitnet::Vocabulary;

namespace {

Vocabulary read_vocabulary(const char* text) {
    const Json json = bitnet::parse_json(text, "f");
    return Vocabulary::from(Fields(json, "f.json", "model.vocab"));
}

}  // namespace

TEST_CASE("tokens and ids are found both ways, also where ids have holes") {
    Vocabulary table = read_vocabulary(R"({"a": 0, "b": 7, "": 3})");
    CHECK(table.size() == 8);
    CHECK(table.id_of("b") == 7u);
    CHECK(table.id_of("") == 3u);
    CHECK_FALSE(table.id_of("c").has_value());
    CHECK(table.token_of(7) == "b");
    CHECK_FALSE(table.token_of(1).has_value());
    const Vocabulary moved = std::move(table);
    CHECK(moved.token_of(7) == "b");
    CHECK(read_vocabulary("{}").size() == 0);
}

TEST_CASE("an id that is none, or that two tokens have, is refused by name") {
    CHECK_THROWS_WITH_AS(read_vocabulary(R"({"a": -1})"), "f.json: model.vocab.a: expected an unsigned integer, found -1", bitnet::error);
    CHECK_THROWS_WITH_AS(read_vocabulary(R"({"a": "x"})"), "f.json: model.vocab.a: expected an unsigned integer, found \"x\"", bitnet::error);
    CHECK_THROWS_WITH_AS(read_vocabulary(R"({"a": 1, "b": 1})"), "f.json: model.vocab: id 1 is that of \"a\" and of \"b\"", bitnet::error);
    Vocabulary table = read_vocabulary(R"({"a": 1})");
    table.add("a", 1, "list");
    CHECK_THROWS_WITH_AS(table.add("a", 2, "list"), "list: \"a\" has the ids 1 and 2", bitnet::error);
}
