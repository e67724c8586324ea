#include <bitnet/text/decoder.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Decoder;

namespace {

using Texts = std::vector<std::string>;

Decoder read_decoder(const std::string& step) {
    const auto json = bitnet::parse_json("{\"decoder\": " + step + "}", "f");
    return Decoder::from(bitnet::Fields(json, "f.json"));
}

/// What each token adds, and what is left at the end.
Texts pushed(const std::string& step, const Texts& tokens) {
    const Decoder decoder = read_decoder(step);
    Decoder::Run run(decoder);
    Texts out;
    for (const auto& token : tokens) out.push_back(run.push(token));
    out.push_back(run.finish());
    return out;
}

std::string joined(const std::string& step, const Texts& tokens) {
    std::string out;
    for (const auto& part : pushed(step, tokens)) out += part;
    return out;
}

const std::string fallback = R"({"type": "ByteFallback"})", fuse = R"({"type": "Fuse"})";
const std::string space_step = R"({"type": "Replace", "pattern": {"String": "▁"}, "content": " "})";
const std::string strip = R"({"type": "Strip", "content": " ", "start": 1, "stop": 0})";
const std::string llama_decoder = R"({"type": "Sequence", "decoders": [)" + space_step + "," + fallback + "," + fuse + "," + strip + "]}";

}  // namespace

TEST_CASE("byte level puts characters together from the bytes of several tokens") {
    const std::string bytes = R"({"type": "ByteLevel"})";
    CHECK(pushed(bytes, {"\u0120a", "\u00f0\u0141", "\u013a", "\u0122"}) == Texts{" a", "", "", "😀", ""});
    CHECK(pushed(bytes, {"\u00f0\u0141", "a"}) == Texts{"", "\ufffd""a", ""});
    CHECK(pushed(bytes, {"\u00f0\u0141"}) == Texts{"", "\ufffd"});
    CHECK(joined(bytes, {"a b", "\u0120c"}) == "a b c");  // the first one is no text of the alphabet
    CHECK(joined(bytes, {}).empty());
}

TEST_CASE("a run of byte tokens becomes its text, or one U+FFFD for each when it is none") {
    CHECK(pushed(fallback, {"<0xC3>", "<0xA9>", "x"}) == Texts{"", "", "éx", ""});
    CHECK(pushed(fallback, {"<0xC3>", "<0xA9>", "<0xC3>", "x"}) == Texts{"", "", "", "\ufffd\ufffd\ufffdx", ""});
    CHECK(pushed(fallback, {"<0x41>"}) == Texts{"", "A"});
    CHECK(joined(fallback, {"<0xg1>", "<0x1>", "<0x 1>", "<0x1g>"}) == "<0xg1><0x1><0x 1><0x1g>");
}

TEST_CASE("the SentencePiece steps make spaces and drop the one in front of the whole text") {
    CHECK(joined(llama_decoder, {"▁Hello", "▁▁", "<0x0A>", "w"}) == "Hello  \nw");
    CHECK(joined(llama_decoder, {"▁▁a"}) == " a");
    CHECK(joined(llama_decoder, {"▁", "▁a"}) == " a");
    CHECK(joined(llama_decoder, {"", "▁a"}) == "a");
    CHECK(joined(llama_decoder, {"<0x20>", "▁a"}) == " a");
}

TEST_CASE("Strip without Fuse works on every token") {
    const std::string both = R"({"type": "Sequence", "decoders": [)" + space_step + "," + strip + "]}";
    CHECK(joined(both, {"▁a", "▁▁b", "c"}) == "a bc");
}

TEST_CASE("Metaspace makes spaces and drops those of the first token") {
    CHECK(joined(R"({"type": "Metaspace"})", {"▁a▁", "▁b"}) == "a b");
    CHECK(joined(R"({"type": "Metaspace", "prepend_scheme": "never"})", {"▁a", "▁b"}) == " a b");
}

TEST_CASE("without a decoder a space stands between tokens") { CHECK(joined("null", {"a", "b", "c"}) == "a b c"); }

TEST_CASE("a decoder that cannot be followed is refused by its kind") {
    CHECK_THROWS_WITH_AS(read_decoder(R"({"type": "WordPiece"})"),
                         "f.json: decoder.type \"WordPiece\" is not supported; known: ByteFallback, ByteLevel, Fuse, "
                         "Metaspace, Replace, Strip, Sequence",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(read_decoder(R"({"type": "Sequence", "decoders": [)" + fuse + "," + space_step + "]}"),
                         "f.json: decoder.decoders[1].type \"Replace\" is not supported behind a step that joins tokens",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(read_decoder(R"({"type": "Strip", "content": " ", "start": 0, "stop": 1})"),
                         "f.json: decoder.stop: only 0 is supported, found 1", bitnet::error);
    CHECK_THROWS_WITH_AS(read_decoder(R"({"type": "Strip", "content": "", "start": 0})"),
                         "f.json: decoder.content: expected one character, found \"\"", bitnet::error);
}
