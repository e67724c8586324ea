#include <bitnet/text/vocab_and_merges.hpp>  // first, so that it cannot lean on another include

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>

using bitnet::Bpe;
using bitnet::read_vocab_and_merges;

namespace {

const char* const vocab = R"({"a": 0, "b": 1, "#": 2, "##": 3, "ab": 4, "<|endoftext|>": 5, "Ã": 6, "©": 7, "Ã©": 8})";

bitnet::TokenizerParts read_parts(const std::string& config, std::string_view merges = "#version: 0.2\na b\nÃ ©\n") {
    return read_vocab_and_merges(bitnet::parse_json(vocab, "v"), merges, bitnet::parse_json(config, "c"));
}

std::vector<std::uint32_t> gpt2_ids(std::string_view merges, std::string_view word) {
    std::vector<std::uint32_t> out;
    read_parts("{}", merges).model.encode(word, out);
    return out;
}

using Ids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("merges stand one on a line, and only the first line may be a comment") {
    CHECK(gpt2_ids("#version: 0.2\n# #\na b\n", "##ab") == Ids{3, 4});
    CHECK(gpt2_ids("# #\r\na b", "##ab") == Ids{3, 4});
    CHECK(gpt2_ids("", "ab") == Ids{0, 1});
    CHECK_THROWS_WITH_AS(read_parts("{}", "#version: 0.2\na b\nab\n"),
                         "merges.txt: line 3: expected two tokens, found \"ab\"", bitnet::error);
    CHECK_THROWS_WITH_AS(read_parts("{}", "a b c\n"), "merges.txt: line 1: expected two tokens, found \"a b c\"", bitnet::error);
    CHECK_THROWS_WITH_AS(read_parts("{}", "a b\na x\n"), "merges.txt: line 2: \"x\" is not in the vocabulary", bitnet::error);
}

TEST_CASE("the class decides what is done before merging") {
    const auto qwen = read_parts(R"({"tokenizer_class": "Qwen2TokenizerFast"})");
    CHECK(qwen.normalizer("e\u0301") == "é");
    CHECK(qwen.pre_tokenizer({"12", true}).size() == 2);
    for (const char* config : {"{}", R"({"tokenizer_class": "GPT2Tokenizer"})"}) {
        const auto gpt2 = read_parts(config);
        CHECK(gpt2.normalizer("e\u0301") == "e\u0301");
        CHECK(gpt2.pre_tokenizer({"12 é", true}) == std::vector<bitnet::Word>{{"12", true}, {"\u0120\u00c3\u00a9", false}});
    }
    CHECK(read_parts(R"({"add_prefix_space": true})").pre_tokenizer({"a", true})[0].text == "\u0120a");
    CHECK_THROWS_WITH_AS(read_parts(R"({"tokenizer_class": "BertTokenizer"})"),
                         "tokenizer_config.json: tokenizer_class \"BertTokenizer\" is not supported without tokenizer.json; "
                         "known: GPT2Tokenizer, Qwen2Tokenizer",
                         bitnet::error);
}

TEST_CASE("added tokens come from the configuration, by id and by name") {
    const auto listed = read_parts(R"({"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>", "pad_token": "none",
        "added_tokens_decoder": {"9": {"content": "<x>", "special": true}}})");
    REQUIRE(listed.added.tokens().size() == 2);
    CHECK(listed.added.table().id_of("<x>") == 9u);
    CHECK(listed.added.is_special(5));
    CHECK(read_parts("{}").added.table().id_of("<|endoftext|>") == 5u);  // GPT-2's, without being named
    CHECK(read_parts(R"({"tokenizer_class": "Qwen2Tokenizer"})").added.tokens().empty());
    CHECK_THROWS_WITH_AS(read_parts(R"({"added_tokens_decoder": {"x": {"content": "a"}}})"),
                         "tokenizer_config.json: added_tokens_decoder: \"x\" is not a token id", bitnet::error);
    CHECK_THROWS_AS(read_parts(R"({"added_tokens_decoder": {"3": {"content": "a"}}})"), bitnet::error);
}
