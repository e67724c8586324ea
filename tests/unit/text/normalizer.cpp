#include <bitnet/text/normalizer.hpp>  // first, so that it cannot lean on another include

#include <string>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Fields;
using bitnet::Json;
using bitnet::Normalizer;

namespace {

std::string normalized(const std::string& step, const std::string& text) {
    const Json json = bitnet::parse_json("{\"normalizer\": " + step + "}", "f");
    return Normalizer::from(Fields(json, "f.json"))(text);
}

}  // namespace

TEST_CASE("without a normalizer a text stays as it is") {
    CHECK(normalized("null", "e\u0301 ") == "e\u0301 ");
    CHECK(Normalizer()("x") == "x");
    CHECK(Normalizer().empty());
}

TEST_CASE("steps are applied in order") {
    CHECK(normalized(R"({"type": "NFC"})", "e\u0301") == "é");
    CHECK(normalized(R"({"type": "Prepend", "prepend": "▁"})", "▁a") == "▁▁a");
    CHECK(normalized(R"({"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": "_"})", "a  b") == "a_b");
    const std::string llama = R"({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})";
    CHECK(normalized(llama, " a b") == "▁▁a▁b");
    CHECK(normalized(llama, "").empty());
}

TEST_CASE("an unknown kind and a replacement that explodes are refused") {
    CHECK_THROWS_WITH_AS(normalized(R"({"type": "Lowercase"})", "a"),
                         "f.json: normalizer.type \"Lowercase\" is not supported; known: NFC, Prepend, Replace, Sequence",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(normalized(R"({"type": "Replace", "pattern": {"String": " "}})", "a"),
                         "f.json: normalizer.content is missing", bitnet::error);
    std::string steps;
    for (int i = 0; i < 12; ++i)
        steps += std::string(i == 0 ? "" : ",") + R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"})";
    CHECK_THROWS_WITH_AS(normalized(R"({"type": "Sequence", "normalizers": [)" + steps + "]}", "a"),
                         "text: replacements make it longer than 65792 bytes", bitnet::error);
}
