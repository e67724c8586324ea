#include <bitnet/text/tokenizer_writer.hpp>  // first, so that it cannot lean on another include

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/io/json.hpp>
#include <bitnet/text/tokenizer.hpp>
#include <support/temp_dir.hpp>

using bitnet::Json;
using bitnet::Tokenizer;
using bitnet::train_bpe;
using bitnet::TrainedBpe;
using bitnet_test::TempDir;

namespace {

using Texts = std::vector<std::string>;
using Ids = std::vector<std::uint32_t>;

/// With "ba", "ab" and "Ġba" behind the bytes: ids 257, 258 and 259.
const TrainedBpe small_vocabulary = train_bpe(Texts{"ba ba ba", "ab ab"}, {.vocab_size = 260});

Tokenizer written_and_read(const TrainedBpe& trained) {
    const TempDir directory;
    bitnet_test::write_text(directory / "tokenizer.json", bitnet::to_text(bitnet::tokenizer_json(trained)));
    bitnet_test::write_text(directory / "tokenizer_config.json", bitnet::to_text(bitnet::tokenizer_config_json(trained, 128)));
    return Tokenizer::open(directory.path());
}

/// Characters of one to four bytes, white space of every kind and the parts of special tokens.
std::string random_text(std::mt19937& random) {
    static const Texts pieces{"ab", "ba", " ", "  ", "\n", "\t", "'s", "12", "é", "日本",
                              "\U0001f600", "<|", "endoftext", "|>", "\u00a0", "."};
    std::string out;
    for (auto n = random() % 20; n > 0; --n) {
        if (random() % 4 != 0) {
            out += pieces[random() % pieces.size()];
            continue;
        }
        const auto code = static_cast<char32_t>(random() % 0x10000);
        bitnet::append_utf8(out, code >= 0xd800 && code < 0xe000 ? U'\0' : code);
    }
    return out;
}

}  // namespace

TEST_CASE("a written tokenizer encodes with the merges that were learned, behind the token that begins a text") {
    REQUIRE(small_vocabulary.tokens.size() == 260);
    const Tokenizer tokenizer = written_and_read(small_vocabulary);
    CHECK(tokenizer.vocab_size() == 260);
    CHECK(tokenizer.bos() == 0u);
    CHECK(tokenizer.eos() == 0u);
    CHECK(tokenizer.is_special(0));
    for (std::uint32_t id = 0; id < 260; ++id) CHECK(tokenizer.id_of(small_vocabulary.tokens[id]) == id);
    CHECK(tokenizer.encode("ba ba") == Ids{0, 257, 259});
    CHECK(tokenizer.encode("").size() == 1);
    CHECK(tokenizer.encode("!<|endoftext|>!", {.add_special = false}) == Ids{1, 0, 1});
    CHECK(tokenizer.encode("<|endoftext|>", {.add_special = false, .parse_special = false}).size() == 13);
}

TEST_CASE("of several special tokens the first begins a text and the last ends one") {
    const TrainedBpe trained = train_bpe(Texts{"abab"}, {.vocab_size = 258, .special_tokens = {"<s>", "</s>"}});
    const Tokenizer tokenizer = written_and_read(trained);
    CHECK(tokenizer.bos() == 0u);
    CHECK(tokenizer.eos() == 1u);
    CHECK(tokenizer.encode("!</s>") == Ids{0, 2, 1});
}

TEST_CASE("every byte has a token, and every text comes back from its ids") {
    constexpr unsigned seed = 5;
    CAPTURE(seed);
    std::mt19937 random(seed);
    Texts documents;
    for (int i = 0; i < 50; ++i) documents.push_back(random_text(random));
    const TrainedBpe trained = train_bpe(documents, {.vocab_size = 300});
    REQUIRE(trained.tokens.size() == 300);
    const Tokenizer tokenizer = written_and_read(trained);
    for (int byte = 0; byte < 256; ++byte)
        CHECK(tokenizer.id_of(bitnet::to_byte_alphabet(std::string(1, static_cast<char>(static_cast<unsigned char>(byte))))));
    for (int i = 0; i < 500; ++i) {
        const std::string text = random_text(random);
        CAPTURE(text);
        CHECK(tokenizer.decode(tokenizer.encode(text, {.add_special = false})) == text);
    }
    for (int i = 0; i < 500; ++i) {
        std::string bytes;
        for (auto n = random() % 30; n > 0; --n) bytes += static_cast<char>(static_cast<unsigned char>(random() % 256));
        CHECK(tokenizer.decode(tokenizer.encode(bytes, {.add_special = false})) == bitnet::repair_utf8(bytes));
    }
}

TEST_CASE("tokenizer_config.json names the special tokens and the longest text") {
    const TrainedBpe trained = train_bpe(Texts{"abab"}, {.vocab_size = 258, .special_tokens = {"<s>", "</s>"}});
    CHECK(bitnet::tokenizer_config_json(trained, 512) ==
          Json::object({{"tokenizer_class", "PreTrainedTokenizerFast"},
                        {"bos_token", "<s>"},
                        {"eos_token", "</s>"},
                        {"unk_token", "</s>"},
                        {"model_max_length", 512},
                        {"clean_up_tokenization_spaces", false}}));
}

TEST_CASE("tokenizer.json holds the merges by rank as pairs of tokens") {
    const Json json = bitnet::tokenizer_json(train_bpe(Texts{"aaaaa", "aaaaa"}));
    const auto pair = [](const char* left, const char* right) { return Json::array({left, right}); };
    CHECK(json.at("model").at("merges") == Json::array({pair("a", "a"), pair("aa", "a"), pair("aa", "aaa")}));
    CHECK(json.at("model").at("vocab").as_object().size() == 260);
}
