#include <bitnet/report/curve_sections.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>
#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;
using bitnet_test::MarkupCheck;

namespace {
std::string curve_words(const Section& section) {
    const MarkupCheck check("<a>" + section.body.text() + "</a>");
    CHECK(check.fault() == "");
    return check.words();
}
bool says(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }
}  // namespace

TEST_CASE("rungs are points and rows") {
    const std::string text = curve_words(bits_section(bitnet_test::full_record()));
    CHECK(says(text, "more scales: 18.00 at 2.250"));
    CHECK(says(text, "the original"));
    CHECK(says(text, "9.00x3.50\u00a0s\u2713"));
}

TEST_CASE("rounds say how perplexity rose from the original's") {
    Json record = bitnet_test::full_record();
    record.set("rungs", nullptr);
    const Json round = Json::object({{"bits", 2.5}, {"kl", 0.05}, {"rise", 0.25}, {"kept", true}});
    record.find("fine_tuning")->find("calibration")->set("rounds", Json::array({round}));
    CHECK(bits_section(record).body.is_empty());  // there are rungs, though of another kind
    Json::Object members;
    for (const auto& [key, value] : record.as_object())
        if (key != "rungs") members.emplace_back(key, value);
    const std::string text = curve_words(bits_section(Json::object(members)));
    CHECK(says(text, "round 12.5020.000.05000\u2713"));
    CHECK(says(text, "20.00 at 2.500"));
}

TEST_CASE("a curve needs two points, and a step of no tokens has no loss") {
    Json record = bitnet_test::full_record();
    const std::string text = curve_words(learning_section(record));
    CHECK(says(text, "0.9000 at 10.00"));
    CHECK(!says(text, " at 0loss"));
    CHECK(says(text, "20.00 at 0"));
    CHECK(says(text, "step 20: diverged: back to step 10"));
    record.find("fine_tuning")->find("training")->set("history", Json::array({Json::object({{"step", 5}, {"loss", 0.5}, {"tokens", 9}})}));
    CHECK(learning_section(record).body.is_empty());
}

TEST_CASE("histograms that cannot be drawn are left out, and those beyond the limit are counted") {
    Json record = bitnet_test::full_record();
    Json both = record.at("histograms").as_array()[0], wrong = both;
    wrong.set("edges", Json::array({1, 0}));
    record.set("histograms", Json::array({both, wrong, both, both}));
    const Section section = histogram_section(record, 2);
    CHECK(says(curve_words(section), "The record has 1 more."));
    CHECK(MarkupCheck("<a>" + section.body.text() + "</a>").count("svg") == 2);
    record.set("histograms", Json::array({wrong}));
    CHECK(histogram_section(record).body.is_empty());
}

TEST_CASE("sections of curves are empty where their data are missing") {
    const Json record = bitnet_test::small_record();
    CHECK(bits_section(record).body.is_empty());
    CHECK(learning_section(record).body.is_empty());
    CHECK(histogram_section(record).body.is_empty());
}
