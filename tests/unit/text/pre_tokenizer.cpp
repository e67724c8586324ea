#include <bitnet/text/pre_tokenizer.hpp>  // first, so that it cannot lean on another include

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::PreTokenizer;
using bitnet::Word;

namespace {

using Texts = std::vector<std::string>;

PreTokenizer read_pre_tokenizer(const std::string& step) {
    const auto json = bitnet::parse_json("{\"pre_tokenizer\": " + step + "}", "f");
    return PreTokenizer::from(bitnet::Fields(json, "f.json"));
}

Texts cut(const std::string& step, const std::string& text, bool first = true) {
    Texts out;
    for (Word& word : read_pre_tokenizer(step)({text, first})) out.push_back(std::move(word.text));
    return out;
}

std::string split(const std::string& behavior, bool invert = false) {
    return R"({"type": "Split", "pattern": {"Regex": "[12]"}, "invert": )" + std::string(invert ? "true" : "false") +
           R"(, "behavior": ")" + behavior + "\"}";
}
std::string metaspace(const std::string& options) { return R"({"type": "Metaspace")" + options + "}"; }

/// Words of a pattern, without the byte alphabet.
Texts words(std::string_view pattern, const std::string& text) {
    std::vector<Word> out;
    bitnet::pre_tokenizer::Split{bitnet::Pattern(bitnet::Regex(pattern, "p"))}({text, true}, out);
    Texts texts;
    for (Word& word : out) texts.push_back(std::move(word.text));
    return texts;
}

}  // namespace

TEST_CASE("without a pre-tokenizer a text is one word, and an empty text is none") {
    CHECK(cut("null", "a b") == Texts{"a b"});
    CHECK(cut("null", "").empty());
}

TEST_CASE("GPT-2 keeps one space in front of a word and the rest of a run together") {
    using bitnet::gpt2_pattern;
    CHECK(words(gpt2_pattern, "It's 123 dogs!!") == Texts{"It", "'s", " 123", " dogs", "!!"});
    CHECK(words(gpt2_pattern, "IT'S") == Texts{"IT", "'", "S"});
    CHECK(words(gpt2_pattern, "x  \n\n y") == Texts{"x", "  \n\n", " y"});
    CHECK(words(gpt2_pattern, "a   ") == Texts{"a", "   "});
    CHECK(words(gpt2_pattern, "½e\u0301") == Texts{"½", "e", "\u0301"});
}

TEST_CASE("Qwen2 knows contractions in either case, single digits and line breaks") {
    using bitnet::qwen2_pattern;
    CHECK(words(qwen2_pattern, "IT'S 12") == Texts{"IT", "'S", " ", "1", "2"});
    CHECK(words(qwen2_pattern, "x  \n\n y") == Texts{"x", "  \n\n", " y"});
    CHECK(words(qwen2_pattern, "a!\n\nb") == Texts{"a", "!\n\n", "b"});
    CHECK(words(qwen2_pattern, "\tword") == Texts{"\tword"});
}

TEST_CASE("byte level writes every byte as a character and may put a space in front") {
    CHECK(cut(R"({"type": "ByteLevel", "add_prefix_space": false})", "é a") == Texts{"\u00c3\u00a9", "\u0120a"});
    CHECK(cut(R"({"type": "ByteLevel"})", "a b") == Texts{"\u0120a", "\u0120b"});
    CHECK(cut(R"({"type": "ByteLevel"})", " a") == Texts{"\u0120a"});
    CHECK(cut(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})", "a b") == Texts{"a\u0120b"});
}

TEST_CASE("a split keeps, drops or joins what it finds") {
    CHECK(cut(split("Isolated"), "a12b") == Texts{"a", "1", "2", "b"});
    CHECK(cut(split("Removed"), "a12b") == Texts{"a", "b"});
    CHECK(cut(split("Removed", true), "a12b") == Texts{"1", "2"});
    CHECK(cut(split("MergedWithPrevious"), "a12b1") == Texts{"a1", "2", "b1"});
    CHECK(cut(split("MergedWithNext"), "a12b1") == Texts{"a", "1", "2b", "1"});
    CHECK(cut(split("Contiguous"), "a12b") == Texts{"a", "12", "b"});
    CHECK(cut(split("Isolated"), "ab") == Texts{"ab"});
}

TEST_CASE("Metaspace marks spaces and begins a word with each") {
    CHECK(cut(metaspace(""), "a b") == Texts{"▁a", "▁b"});
    CHECK(cut(metaspace(""), " a") == Texts{"▁a"});
    CHECK(cut(metaspace(""), "a  b") == Texts{"▁a", "▁", "▁b"});
    CHECK(cut(metaspace(R"(, "split": false)"), "a b") == Texts{"▁a▁b"});
    CHECK(cut(metaspace(R"(, "prepend_scheme": "never")"), "a b") == Texts{"a", "▁b"});
    CHECK(cut(metaspace(R"(, "add_prefix_space": false)"), "a") == Texts{"a"});
    CHECK(cut(metaspace(R"(, "replacement": "_", "split": false)"), "a b") == Texts{"_a_b"});
}

TEST_CASE("with first, only the very beginning of the text gets a mark") {
    const std::string first = metaspace(R"(, "prepend_scheme": "first")");
    CHECK(cut(first, "a b", true) == Texts{"▁a", "▁b"});
    CHECK(cut(first, "a b", false) == Texts{"a", "▁b"});
    const std::string both = R"({"type": "Sequence", "pretokenizers": [)" + split("Isolated") + ", " + first + "]}";
    CHECK(cut(both, "a1b") == Texts{"▁a", "1", "b"});
}

TEST_CASE("an unknown kind or option is refused by its name") {
    CHECK_THROWS_WITH_AS(
        read_pre_tokenizer(R"({"type": "BertPreTokenizer"})"),
        "f.json: pre_tokenizer.type \"BertPreTokenizer\" is not supported; known: ByteLevel, Metaspace, Split, Sequence",
        bitnet::error);
    CHECK_THROWS_WITH_AS(read_pre_tokenizer(split("Shuffled")), "f.json: pre_tokenizer.behavior \"Shuffled\" is not supported", bitnet::error);
    CHECK_THROWS_WITH_AS(read_pre_tokenizer(metaspace(R"(, "replacement": "ab")")),
                         "f.json: pre_tokenizer.replacement: expected one character, found \"ab\"", bitnet::error);
    CHECK_THROWS_WITH_AS(read_pre_tokenizer(metaspace(R"(, "prepend_scheme": "last")")),
                         "f.json: pre_tokenizer.prepend_scheme \"last\" is not supported", bitnet::error);
}
