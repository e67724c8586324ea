#include <bitnet/report/text_sections.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>
#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;
using bitnet_test::MarkupCheck;

namespace {
std::string section_words(const Section& section) {
    const MarkupCheck check("<a>" + section.body.text() + "</a>");
    CHECK(check.fault() == "");
    return check.words();
}
bool contains(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }
}  // namespace

TEST_CASE("both models' texts stand below the prompt") {
    CHECK(contains(section_words(sample_section(bitnet_test::full_record())), "Onceoriginalupon a timecompressedthere was"));
    const Json bare = Json::object({{"samples", Json::array({Json::object({{"original", "a"}}), Json::object({{"prompt", "b"}}), Json(3)})}});
    const std::string text = section_words(sample_section(bare));
    CHECK(contains(text, "without a prompt"));
    CHECK(!contains(text,
                    "b"
                    "original"));
}

TEST_CASE("the table has a row for each tensor, and empty cells for what is not known") {
    const Section section = tensor_section(bitnet_test::full_record());
    const std::string text = section_words(section);
    CHECK(contains(text, "model.embed_tokens.weighttoken embeddingfp16512 \u00d7 3216.0032,768\n"));
    CHECK(contains(text, "model.layers.1.mlp.up_proj.weightfeed forwardternary64 \u00d7 322.2557640.0\u00a0%0.60000.8000\n"));
    CHECK(MarkupCheck("<a>" + section.body.text() + "</a>").count("td") == 30);
    CHECK(tensor_section(Json::object({{"tensors", Json::array()}})).body.is_empty());
    CHECK(contains(section_words(tensor_section(Json::object({{"tensors", Json::array({3})}}))), "tensor"));
}

TEST_CASE("notes and warnings are found wherever they stand") {
    const std::string text = section_words(note_section(bitnet_test::full_record()));
    for (const char* note : {"the first note", "few tokens", "model.embed_tokens.weight: tied"}) CHECK(contains(text, note));
    CHECK(note_section(bitnet_test::small_record()).body.is_empty());
}

TEST_CASE("configuration is all that is no list, and not what stands elsewhere") {
    const std::string text = section_words(configuration_section(bitnet_test::full_record()));
    for (const char* fact :
         {"bitnet_version0.1.0", "sparsityoptimal{}", "seed42", "mixed_precisionno", "calibration.targetstream", "optimizeradamw{}"})
        CHECK_MESSAGE(contains(text, fact), fact);
    CHECK(!contains(text, "compression_ratio"));
    CHECK(!contains(text, "history"));
    CHECK(configuration_section(bitnet_test::small_record()).body.is_empty());
}
