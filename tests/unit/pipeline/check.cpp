#include <bitnet/pipeline/check.hpp>

#include <doctest/doctest.h>

using bitnet::Check;
using bitnet::check_of;

TEST_CASE("a check without faults has passed, with faults it names three and counts the rest") {
    CHECK(check_of("files", {}, "all is well") == Check{"files", Check::State::passed, "all is well"});
    CHECK(check_of("files", {"a is missing"}, "all is well") == Check{"files", Check::State::failed, "a is missing"});
    CHECK(check_of("files", {"a", "b", "c"}, "").sentence == "a; b; c");
    CHECK(check_of("files", {"a", "b", "c", "d", "e"}, "").sentence == "a; b; c; and 2 more");
}

TEST_CASE("only what failed has not passed") {
    CHECK(bitnet::all_passed(std::vector<Check>{}));
    for (const Check::State state : {Check::State::passed, Check::State::skipped, Check::State::warning}) CHECK(bitnet::all_passed({Check{"a", Check::State::passed, ""}, Check{"b", state, ""}}));
    CHECK_FALSE(bitnet::all_passed({Check{"a", Check::State::passed, ""}, Check{"b", Check::State::failed, ""}}));
}

TEST_CASE("checks are written with the words of their states") {
    const bitnet::Json json = bitnet::to_json(std::vector<Check>{{"a", Check::State::passed, "p"}, {"b", Check::State::failed, "f"}, {"c", Check::State::skipped, "s"}, {"d", Check::State::warning, "w"}});
    REQUIRE(json.as_array().size() == 4);
    CHECK(json.as_array()[1] == bitnet::Json::object({{"name", "b"}, {"state", "failed"}, {"sentence", "f"}}));
    CHECK(json.as_array()[0].at("state").as_string() == "passed");
    CHECK(json.as_array()[2].at("state").as_string() == "skipped");
    CHECK(json.as_array()[3].at("state").as_string() == "warning");
}
