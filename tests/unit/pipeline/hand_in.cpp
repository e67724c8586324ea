#include <bitnet/pipeline/hand_in.hpp>

#include <doctest/doctest.h>

#include "models.hpp"

using bitnet::Check;
using bitnet::check_hand_in;
using bitnet::errc;
using bitnet::few_parameters_warning;
using bitnet::HandIn;
using bitnet::HandInFigures;
using bitnet::Json;
using bitnet_test::refusal;
using bitnet_test::TempDir;
using bitnet_test::write_text;

namespace {

HandIn handed_in(const Json& json) { return bitnet::hand_in_from_json(json, "h.json", "."); }
std::string complaint(const Json& json) { return refusal([&] { handed_in(json); }).second; }
const HandInFigures figures_of_a_model{.parameters = 25'000'000, .original_bytes = 100'000'000, .perplexity = 12.0, .accuracy = 0.5};

}  // namespace

TEST_CASE("what an earlier phase says is read, all of it or any of it") {
    const TempDir place;
    write_text(place / "tokenizer.json", "{}");
    write_text(place / "h.json", R"({"pre_perplexity": 12, "pre_accuracy": 0.85, "model_size_mb": 5200.0, "tokenizer_path": "tokenizer.json"})");
    const HandIn all = bitnet::read_hand_in(place / "h.json");  // a path in it is relative to the file
    CHECK(all.pre_perplexity == 12.0);
    CHECK(all.pre_accuracy == 0.85);
    CHECK(all.model_size_mb == 5200.0);
    CHECK(all.tokenizer_path == place / "tokenizer.json");
    const HandIn nothing = handed_in(Json::object());
    CHECK_FALSE((nothing.pre_perplexity || nothing.pre_accuracy || nothing.model_size_mb));
    CHECK(nothing.tokenizer_path.empty());
    write_text(place / "h.json", R"({"tokenizer_path": "none"})");
    const auto [code, what] = refusal([&] { bitnet::read_hand_in(place / "h.json"); });
    CHECK(code == errc::missing);
    CHECK(what == (place / "h.json").string() + ": tokenizer_path: \"" + (place / "none").string() + "\" does not exist");
}

TEST_CASE("what cannot be true of a model is refused by key") {
    CHECK(complaint(Json::object({{"pre_perplexty", 3}})) == "h.json: no key of a hand-off is called \"pre_perplexty\"; did you mean \"pre_perplexity\"?");
    CHECK(complaint(Json::object({{"pre_perplexity", 0.5}})) == "h.json: pre_perplexity = 0.5 is not a perplexity, which is 1 or more");
    CHECK(complaint(Json::object({{"pre_accuracy", 85}})) == "h.json: pre_accuracy = 85 is not a share, from 0 to 1");
    CHECK(complaint(Json::object({{"model_size_mb", -1}})) == "h.json: model_size_mb = -1 is not a size");
    CHECK(complaint(Json::object({{"model_size_mb", "5 GB"}})) == "h.json: model_size_mb: expected a number, found \"5 GB\"");
    CHECK(complaint(Json::array()) == "h.json: expected an object, found an array of 0");
    CHECK(refusal([] { handed_in(Json::object({{"tokenizer_path", ""}})); }).first == errc::missing);
}

TEST_CASE("a figure within a hundredth of what is measured passes, any other is a warning with both") {
    const auto state = [](double said) { return check_hand_in({.pre_perplexity = said}, figures_of_a_model).at(1).state; };
    CHECK(state(12.0) == Check::State::passed);
    CHECK(state(12.119) == Check::State::passed);
    CHECK(state(11.881) == Check::State::passed);
    CHECK(state(12.121) == Check::State::warning);
    CHECK(state(11.879) == Check::State::warning);
    const auto checks = check_hand_in({.pre_perplexity = 13, .pre_accuracy = 0.5, .model_size_mb = 95.367431640625, .tokenizer_path = "t"}, figures_of_a_model);
    REQUIRE(checks.size() == 5);
    CHECK(checks[0] == Check{"parameters", Check::State::passed, "25000000 parameters"});
    CHECK(checks[1] == Check{"pre_perplexity", Check::State::warning, "pre_perplexity is said to be 13, measured is 12"});
    CHECK(checks[2] == Check{"pre_accuracy", Check::State::passed, "pre_accuracy is said to be 0.5 and is 0.5"});
    CHECK(checks[3].state == Check::State::passed);  // 100,000,000 bytes
    CHECK(checks[4] == Check{"tokenizer_path", Check::State::passed, "t is there"});
}

TEST_CASE("what was not measured is skipped, and what was not said is left out") {
    HandInFigures unread = figures_of_a_model;
    unread.perplexity.reset();
    const auto checks = check_hand_in({.pre_perplexity = 13}, unread);
    REQUIRE(checks.size() == 2);
    CHECK(checks[1] == Check{"pre_perplexity", Check::State::skipped, "pre_perplexity is said to be 13; it was not measured"});
}

TEST_CASE("fewer than five million parameters are a warning that suggests more bits") {
    HandInFigures few = figures_of_a_model;
    few.parameters = 4'999'999;
    const auto checks = check_hand_in({}, few);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].state == Check::State::warning);
    CHECK(checks[0].sentence == "4999999 parameters are few for ternary weights, fewer than 5000000; 4 or 8 bits a weight may serve it better");
    CHECK(bitnet::all_passed(checks));
    few.parameters = 5'000'000;
    CHECK(check_hand_in({}, few)[0].state == Check::State::passed);
    const Json json = bitnet::hand_in_to_json(few, checks);
    CHECK(json.at("parameters") == Json(5'000'000));
    CHECK(json.at("size_category").as_string() == "tiny");
    CHECK(json.at("checks").as_array().at(0).at("state").as_string() == "warning");
}

TEST_CASE("few parameters are warned of, with what would be better") {
    CHECK(few_parameters_warning(5'000'000).empty());
    CHECK(few_parameters_warning(4'999'999).starts_with("4999999 parameters are few"));
    CHECK(few_parameters_warning(1).find("4 or 8 bits") != std::string::npos);
}
