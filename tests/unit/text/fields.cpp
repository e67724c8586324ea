#include <bitnet/text/fields.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::errc;
using bitnet::Fields;
using bitnet::Json;

namespace {

template <class Action>
void check_refusal(const Action& action, errc code, std::string_view what) {
    try {
        action();
        FAIL("nothing was thrown");
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == code);
        CHECK(problem.what() == what);
    }
}

}  // namespace

TEST_CASE("a key that is null is absent, and what is absent has its default") {
    const Json json = bitnet::parse_json(R"({"a": null, "b": true, "c": "x", "d": 7})", "f");
    const Fields fields(json, "f.json");
    CHECK(fields.find("a") == nullptr);
    CHECK(fields.flag("a", true));
    CHECK(fields.flag("b", false));
    CHECK(fields.text("a", "y") == "y");
    CHECK(fields.text("c") == "x");
    CHECK(fields.id("d") == 7);
    CHECK_FALSE(fields.object("a").has_value());
    CHECK(fields.objects("a").empty());
}

TEST_CASE("an error names the file and the path of the key") {
    const Json json = bitnet::parse_json(R"({"model": {"vocab": 3, "list": [{}, {"id": -1, "big": 4294967295}]}})", "f");
    const Fields fields(json, "f.json");
    const Fields model = fields.required_object("model");
    check_refusal([&] { model.required_object("vocab"); }, errc::bad_value, "f.json: model.vocab: expected an object, found 3");
    check_refusal([&] { model.required("merges"); }, errc::missing, "f.json: model.merges is missing");
    check_refusal([&] { fields.text("type"); }, errc::missing, "f.json: type is missing");
    check_refusal([&] { model.text("vocab"); }, errc::bad_value, "f.json: model.vocab: expected a string, found 3");
    check_refusal([&] { model.objects("list").at(1).id("id"); }, errc::bad_value,
                  "f.json: model.list[1].id: expected an unsigned integer, found -1");
    check_refusal([&] { model.objects("list").at(1).id("big"); }, errc::bad_value,
                  "f.json: model.list[1].big: 4294967295 is too large for a token id");
    check_refusal([] { Fields(Json(3), "f.json"); }, errc::bad_value, "f.json: expected an object, found 3");
}

TEST_CASE("sequences in sequences are one list of steps, and a single step is a list of one") {
    const Json json = bitnet::parse_json(R"({
        "one": {"type": "A"}, "none": null,
        "many": {"type": "Sequence", "s": [{"type": "A"}, {"type": "Sequence", "s": [{"type": "B"}, {"type": "C"}]}]}})", "f");
    const Fields fields(json, "f.json");
    CHECK(fields.steps("none", "s").empty());
    CHECK(fields.steps("one", "s").size() == 1);
    const auto many = fields.steps("many", "s");
    REQUIRE(many.size() == 3);
    CHECK(many[2].text("type") == "C");
    check_refusal([&] { many[2].refuse_type("A, B"); }, errc::unsupported,
                  "f.json: many.s[1].s[1].type \"C\" is not supported; known: A, B");
    check_refusal([&] { fields.steps("many", "t"); }, errc::missing, "f.json: many.t is missing");
}
