#include <bitnet/text/post_processor.hpp>  // first, so that it cannot lean on another include

#include <string>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::PostProcessor;

namespace {

PostProcessor read_post_processor(const std::string& step) {
    const auto json = bitnet::parse_json("{\"post_processor\": " + step + "}", "f");
    return PostProcessor::from(bitnet::Fields(json, "f.json"));
}

std::string around(const std::string& single) {
    return R"({"type": "TemplateProcessing", "single": [)" + single +
           R"(], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]},
              "end": {"id": "end", "ids": [2, 3], "tokens": ["a", "b"]}}})";
}
const std::string bos_step = R"({"SpecialToken": {"id": "<s>", "type_id": 0}})";
const std::string text_step = R"({"Sequence": {"id": "A", "type_id": 0}})";
const std::string end_step = R"({"SpecialToken": {"id": "end", "type_id": 0}})";

}  // namespace

TEST_CASE("a template puts the ids of its tokens around the text") {
    CHECK(read_post_processor(around(bos_step + "," + text_step)) == PostProcessor{.before = {1}});
    CHECK(read_post_processor(around(bos_step + "," + text_step + "," + end_step)) == PostProcessor{.before = {1}, .after = {2, 3}});
    CHECK(read_post_processor("null") == PostProcessor{});
}

TEST_CASE("byte level changes no ids, and steps stand around each other") {
    CHECK(read_post_processor(R"({"type": "ByteLevel", "trim_offsets": false})") == PostProcessor{});
    const std::string inner = around(bos_step + "," + text_step + "," + bos_step), outer = around(end_step + "," + text_step);
    CHECK(read_post_processor(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},)" + inner + "," + outer + "]}") ==
          PostProcessor{.before = {2, 3, 1}, .after = {1}});
}

TEST_CASE("a template that cannot be followed is refused") {
    CHECK_THROWS_WITH_AS(read_post_processor(R"({"type": "BertProcessing"})"),
                         "f.json: post_processor.type \"BertProcessing\" is not supported; known: ByteLevel, "
                         "TemplateProcessing, Sequence",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(read_post_processor(around(bos_step)), "f.json: post_processor.single: the text must stand there once, and stands there 0 times",
                         bitnet::error);
    CHECK_THROWS_AS(read_post_processor(around(text_step + "," + text_step)), bitnet::error);
    CHECK_THROWS_WITH_AS(read_post_processor(around(text_step + R"(, {"SpecialToken": {"id": "x"}})")),
                         "f.json: post_processor.special_tokens.x is missing", bitnet::error);
    CHECK_THROWS_WITH_AS(read_post_processor(around("{}")), "f.json: post_processor.single[0].SpecialToken is missing", bitnet::error);
}
