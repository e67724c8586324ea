#include <bitnet/report/verdict_section.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>
#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;
using bitnet_test::gate;
using bitnet_test::MarkupCheck;

namespace {
std::string verdict_words(const Json& record) { return MarkupCheck("<a>" + verdict_section(record).body.text() + "</a>").words(); }
}  // namespace

TEST_CASE("the verdict of the record stands first, then each gate") {
    const std::string text = verdict_section(bitnet_test::full_record()).body.text();
    CHECK(MarkupCheck("<a>" + text + "</a>").fault() == "");
    CHECK(text.starts_with("<p class=\"verdict passed\">"));
    CHECK(text.find("all that was asked for holds") < text.find("gradient flow"));
    CHECK(text.find("state warning") != std::string::npos);
    CHECK(text.find("many zeros") != std::string::npos);
}

TEST_CASE("without a verdict the gates are counted") {
    const auto said = [](Json::Array gates) { return verdict_words(Json::object({{"gates", Json::array(std::move(gates))}})); };
    CHECK(said({gate("a", "passed", ""), gate("b", "failed", "")}).starts_with("\u2717 failed1 of 2 gates failed"));
    CHECK(said({gate("a", "passed", "")}).starts_with("\u2713 passedno gate failed: 1 of 1 gate passed"));
    CHECK(said({gate("a", "passed", ""), gate("b", "warning", ""), gate("c", "not measured", "")})
              .starts_with("! warningno gate failed: 1 of 3 gates passed, 1 warns, 1 was not measured"));
    CHECK(said({gate("a", "not measured", "")}).starts_with("\u2013 not measuredno gate was measured"));
    CHECK(said({Json(3)}).starts_with("\u2013 not measuredno gate was measured"));
}

TEST_CASE("a record with neither has no verdict, and one without gates no list") {
    CHECK(verdict_section(bitnet_test::small_record()).body.is_empty());
    const std::string failed = verdict_section(Json::object({{"verdict", Json::object({{"passed", false}})}})).body.text();
    CHECK(failed.starts_with("<p class=\"verdict failed\">"));
    CHECK(failed.find("<ul") == std::string::npos);
}

TEST_CASE("a model of which nothing but sizes was measured has not passed, whatever its record says") {
    const auto begin = [](const char* state, bool passed) {
        return verdict_section(Json::object({{"gates", Json::array({gate("perplexity_degradation", state, ""), gate("compression_ratio", "passed", "")})},
                                             {"verdict", Json::object({{"passed", passed}, {"sentence", "no gate failed, 1 of 2 was not measured"}})}}))
            .body.text().substr(0, 30);
    };
    CHECK(begin("not measured", true).starts_with("<p class=\"verdict unmeasured\">"));
    CHECK(begin("not measured", false).starts_with("<p class=\"verdict failed\">"));
    CHECK(begin("passed", true).starts_with("<p class=\"verdict passed\">"));
}

TEST_CASE("figures are shown where they are known") {
    const std::string all = MarkupCheck(glance_section(bitnet_test::full_record()).body.text()).words();
    for (const char* words :
         {"9.87x", "753\u00a0KiB", "of 7.26\u00a0MiB at FP32", "2.25", "93.0\u00a0% of them ternary", "before: 16.00, +12.5\u00a0%", "0.0800",
          "87.00\u00a0%", "99.93\u00a0%", "98.80\u00a0%", "before: 46.00\u00a0%", "Perplexity on wikitext2", "before: 100, 3.50x"})
        CHECK_MESSAGE(all.find(words) != std::string::npos, words);
    const std::string few = MarkupCheck(glance_section(bitnet_test::small_record()).body.text()).words();
    CHECK(few.find("9.87x") != std::string::npos);
    CHECK(few.find("Perplexity") == std::string::npos);
    CHECK(glance_section(Json::object({{"compression_ratio", 0.0}, {"tensors", Json::array()}})).body.is_empty());
}

TEST_CASE("a record without its ratio or its tensors is refused") {
    CHECK_THROWS_WITH_AS(glance_section(Json::object({{"tensors", Json::array()}})), "record: no key \"compression_ratio\"", bitnet::error);
    CHECK_THROWS_WITH_AS(glance_section(Json::object({{"compression_ratio", 1}, {"tensors", 3}})), "tensors: expected an array, found 3",
                         bitnet::error);
}
