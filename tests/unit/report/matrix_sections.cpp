#include <bitnet/report/matrix_sections.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>
#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;
using bitnet_test::MarkupCheck;

namespace {
std::string matrix_words(const Section& section) {
    const MarkupCheck check("<a>" + section.body.text() + "</a>");
    CHECK(check.fault() == "");
    return check.words();
}
bool mentions(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

Json with_matrices(std::size_t count) {
    Json::Array matrices;
    for (std::size_t i = 0; i < count; ++i)
        matrices.push_back(Json::object({{"name", bitnet::message("h.", i / 2, i % 2 == 0 ? ".up" : ".down", ".weight")},
                                         {"output_error", 0.05},
                                         {"plain_error", 0.1},
                                         {"seconds", 2.0}}));
    Json out = bitnet_test::small_record();
    out.set("fine_tuning", Json::object({{"calibration", Json::object({{"matrices", Json::array(matrices)}})}}));
    return out;
}
}  // namespace

TEST_CASE("each ternary tensor has a cell of zeros and one of error") {
    const Section section = heat_section(bitnet_test::full_record());
    const std::string text = matrix_words(section);
    CHECK(mentions(text, "model.layers.0.mlp.up_proj.weight: 42.00\u00a0%"));
    CHECK(mentions(text, "model.layers.1.mlp.up_proj.weight: 0.600"));
    CHECK(!mentions(text, "embed_tokens"));
    CHECK(MarkupCheck("<a>" + section.body.text() + "</a>").count("svg") == 2);
}

TEST_CASE("without an error anywhere there is a sentence in the place of the map") {
    Json record = bitnet_test::small_record();
    record.set("tensors", Json::array({bitnet_test::ternary_tensor("h.0.a.weight", 0.4, 0)}));
    CHECK(mentions(matrix_words(heat_section(record)), "packing changed no weight"));
    record.set("tensors", Json::array());
    CHECK(heat_section(record).body.is_empty());
}

TEST_CASE("few matrices have bars by layer, many are points") {
    const std::string few = matrix_words(output_error_section(with_matrices(4)));
    CHECK(mentions(few, "calibration leaves 50.0\u00a0% on average"));
    CHECK(mentions(few, "Layer 1"));
    CHECK(mentions(few, "up, calibrated: 0.0500"));
    const Section many = output_error_section(with_matrices(100));
    CHECK(mentions(matrix_words(many), "h.49.down.weight: 0.05000 at 0.1000"));
    CHECK(MarkupCheck("<a>" + many.body.text() + "</a>").count("svg") == 1);
    CHECK(output_error_section(with_matrices(0)).body.is_empty());
}

TEST_CASE("layers of several stacks are told apart, and what is in none has its own figure") {
    Json record = with_matrices(2);
    Json& matrices = *record.find("fine_tuning")->find("calibration")->find("matrices");
    for (const char* name : {"encoder.0.up.weight", "head.weight"})
        matrices.push_back(Json::object({{"name", name}, {"output_error", 0.0}, {"plain_error", 0.0}}));
    const std::string text = matrix_words(output_error_section(record));
    CHECK(mentions(text, "encoder, layer 0"));
    CHECK(mentions(text, "h, layer 0"));
    CHECK(mentions(text, "Outside of the layers"));
}

TEST_CASE("seconds are added up by layer, and stages have bars") {
    const std::string text = matrix_words(time_section(bitnet_test::full_record()));
    CHECK(mentions(text, "0, calibration: 250\u00a0ms"));
    CHECK(mentions(text, "0, rounding and writing: 0.500\u00a0ms"));
    CHECK(mentions(text, "milliseconds"));
    CHECK(mentions(text, "other, rounding and writing: 1.00\u00a0ms"));
    CHECK(mentions(text, "calibrate: 14.0\u00a0s"));
    CHECK(mentions(matrix_words(time_section(with_matrices(2))), "0, calibration: 4.00\u00a0s"));
    CHECK(time_section(Json::object({{"tensors", Json::array()}})).body.is_empty());
}
