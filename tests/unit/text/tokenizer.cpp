#include <bitnet/text/tokenizer.hpp>  // first, so that it cannot lean on another include

#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <support/data.hpp>
#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::Json;
using bitnet::StreamDecoder;
using bitnet::Tokenizer;

namespace {

using Ids = std::vector<std::uint32_t>;

std::optional<std::filesystem::path> data_with(const char* part) {
    auto data = bitnet_test::shared_data();
    if (data && std::filesystem::exists(*data / part)) return data;
    MESSAGE("skipped: no ", part, " in the shared data; set BITNET_DATA");
    return std::nullopt;
}

/// Texts and ids of a directory with vectors.inp and vectors.out.
struct Vectors {
    std::vector<std::string> texts;
    std::vector<Ids> ids;
};
Vectors read_vectors(const std::filesystem::path& directory) {
    Vectors out;
    constexpr std::string_view delimiter = "\n__ggml_vocab_test__\n";
    const std::string inputs = bitnet_test::read_text(directory / "vectors.inp");
    for (std::size_t at = 0; at < inputs.size();) {
        const std::size_t end = inputs.find(delimiter, at);
        out.texts.push_back(inputs.substr(at, end - at));
        at = end + delimiter.size();
    }
    std::istringstream lines(bitnet_test::read_text(directory / "vectors.out"));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream numbers(line);
        out.ids.emplace_back();
        for (std::uint32_t id = 0; numbers >> id;) out.ids.back().push_back(id);
    }
    return out;
}

std::string streamed(const Tokenizer& tokenizer, const Ids& ids) {
    StreamDecoder stream(tokenizer);
    std::string out;
    for (const auto id : ids) {
        const std::string part = stream.push(id);
        CHECK(bitnet::is_valid_utf8(part));
        out += part;
    }
    return out + stream.finish();
}

void check_vectors(const Tokenizer& tokenizer, const std::filesystem::path& directory) {
    const Vectors vectors = read_vectors(directory);
    REQUIRE(vectors.texts.size() == 46);
    REQUIRE(vectors.ids.size() == 46);
    for (std::size_t i = 0; i < vectors.texts.size(); ++i) {
        CAPTURE(vectors.texts[i]);
        CHECK(tokenizer.encode(vectors.texts[i], {.add_special = false}) == vectors.ids[i]);
        CHECK(tokenizer.decode(vectors.ids[i]) == vectors.texts[i]);
        CHECK(streamed(tokenizer, vectors.ids[i]) == vectors.texts[i]);
    }
}

}  // namespace

TEST_CASE("byte-level tokenizers give the ids and texts of the published vectors") {
    const auto data = data_with("tokenizers");
    if (!data) return;
    for (const char* name : {"gpt2", "qwen2"}) {
        CAPTURE(name);
        const auto directory = *data / "tokenizers" / name;
        check_vectors(Tokenizer::open(directory), directory);
    }
}

TEST_CASE("a SentencePiece-style tokenizer gives the ids of the published vectors when it prepends always") {
    const auto data = data_with("tokenizers");
    if (!data) return;
    const auto directory = *data / "tokenizers" / "llama2";
    Json json = bitnet::read_json_file(directory / "tokenizer.json");
    // The file itself says Metaspace with "first", whose ids differ where a text begins with a space.
    json.set("pre_tokenizer", nullptr);
    json.set("normalizer", bitnet::parse_json(R"({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]})", "test"));
    check_vectors(Tokenizer(bitnet::read_tokenizer_json(json, "tokenizer.json")), directory);
    const auto original = Tokenizer::open(directory);
    CHECK(original.encode(" Hello", {.add_special = false}) == Ids{15043});
    CHECK(original.encode("x") == Ids{1, 921});
}

TEST_CASE("the tokenizer of the trained model gives its ids") {
    const auto data = data_with("models");
    if (!data) return;
    const auto tokenizer = Tokenizer::open(*data / "models" / "tinystories-656k");
    const std::string text = "Once upon a time, there was a little girl named Lily.";
    CHECK(tokenizer.encode(text) == Ids{1, 80, 147, 201, 282, 215, 286, 598, 629, 10});
    CHECK(tokenizer.decode(tokenizer.encode(text), true) == text);
    CHECK(tokenizer.bos() == 1u);
    CHECK(tokenizer.eos() == 2u);
    CHECK(tokenizer.vocab_size() == 2048);
}

namespace {

/// Byte-level with one merge and two added tokens.
Tokenizer small() {
    Json vocab = Json::object();
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::string character;
        bitnet::append_utf8(character, bitnet::byte_alphabet[byte]);
        vocab.set(character, byte);
    }
    vocab.set("\u0120a", 256);
    Json json = bitnet::parse_json(R"({
        "added_tokens": [{"id": 300, "content": "<s>", "special": true}, {"id": 301, "content": "tool"}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"},
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                           "special_tokens": {"<s>": {"ids": [300]}}},
        "model": {"type": "BPE", "merges": ["Ġ a"]}})", "small");
    Json model = json.at("model");
    json.set("model", model.set("vocab", std::move(vocab)));
    return Tokenizer(bitnet::read_tokenizer_json(json, "small"));
}

}  // namespace

TEST_CASE("control tokens are added and found, unless the caller wants plain text") {
    const Tokenizer tokenizer = small();
    CHECK(tokenizer.encode("a a") == Ids{300, 'a', 256});
    CHECK(tokenizer.encode("a<s>tool", {.add_special = false}) == Ids{'a', 300, 301});
    CHECK(tokenizer.encode("<s>tool", {.add_special = false, .parse_special = false}) == Ids{'<', 's', '>', 301});
    CHECK(tokenizer.encode("") == Ids{300});
    CHECK(tokenizer.encode("", {.add_special = false}).empty());
    CHECK(tokenizer.decode(Ids{300, 'a', 301}) == "<s>atool");
    CHECK(tokenizer.decode(Ids{300, 'a', 301}, true) == "atool");
}

TEST_CASE("tokens and ids are found both ways, and an id without a token is no text") {
    const Tokenizer tokenizer = small();
    CHECK(tokenizer.vocab_size() == 302);
    CHECK(tokenizer.id_of("\u0120a") == 256u);
    CHECK(tokenizer.id_of("<s>") == 300u);
    CHECK(tokenizer.token_of(301) == "tool");
    CHECK_FALSE(tokenizer.token_of(299).has_value());
    CHECK(tokenizer.decode(Ids{'a', 299, 0xffffffff, 'b'}) == "ab");
    CHECK(tokenizer.decode(Ids{}).empty());
    const Tokenizer copy = tokenizer;
    CHECK(copy.token_of(301)->data() == tokenizer.token_of(301)->data());
}

TEST_CASE("bytes that are not UTF-8 count as U+FFFD, one for each maximal subsequence") {
    const Tokenizer tokenizer = small();
    CHECK(tokenizer.decode(tokenizer.encode("a\xff\xe2\x82z")) == "<s>a\ufffd\ufffdz");
    CHECK(tokenizer.encode("\xff") == tokenizer.encode("\ufffd"));
}

TEST_CASE("a stream gives whole characters, and all of them are the decoded text") {
    const Tokenizer tokenizer = small();
    StreamDecoder stream(tokenizer);
    CHECK(stream.push(0xf0).empty());
    CHECK(stream.push(0x9f).empty());
    CHECK(stream.push(0x98).empty());
    CHECK(stream.push(0x80) == "😀");
    CHECK(stream.push(0xc3).empty());
    CHECK(stream.finish() == "\ufffd");
    const Ids ids{0xc3, 'a', 0xe2, 0x82, 300, 0xac, 0xf0};
    CHECK(streamed(tokenizer, ids) == tokenizer.decode(ids));
}

TEST_CASE("decoding what was encoded gives any text back") {
    constexpr unsigned seed = 3;
    CAPTURE(seed);
    std::mt19937 random(seed);
    const Tokenizer tokenizer = small();
    for (int round = 0; round < 500; ++round) {
        std::string text;
        for (auto n = random() % 30; n > 0; --n) {
            const auto c = static_cast<char32_t>(random() >> (11 + random() % 15));
            if (c < 0x110000 && (c < 0xd800 || c >= 0xe000)) bitnet::append_utf8(text, c);
        }
        CAPTURE(text);
        CHECK(tokenizer.decode(tokenizer.encode(text, {.add_special = false})) == text);
    }
}
