/// libFuzzer target: a document and a text with a zero byte between them. Any document is a tokenizer or is refused by
/// bitnet::error, any tokenizer encodes any text or refuses it, and a stream decodes to whole characters, which together
/// are the decoded text. Without a zero byte, all of the input is a text for tokenizers of both families, which must
/// give back what was UTF-8.
///
///     clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iinclude \
///         tests/fuzz/tokenizer.cpp -o fuzz_tokenizer -lsimdjson -lpcre2-8 -lutf8proc
///     ./fuzz_tokenizer -runs=1000000 -max_len=2048 tests/fuzz/corpus/tokenizer
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/io/json.hpp>
#include <bitnet/text/tokenizer.hpp>

namespace {

using namespace bitnet;

void require(bool truth, const char* what) {
    if (truth) return;
    std::fprintf(stderr, "not true: %s\n", what);
    std::abort();
}

/// The tokenizer of a document whose vocabulary is completed by these tokens.
Tokenizer with_tokens(std::string_view document, const std::vector<std::string>& tokens) {
    Json json = parse_json(document, "built in");
    Json vocab = Json::object();
    for (const std::string& token : tokens) vocab.set(token, vocab.as_object().size());
    Json model = json.at("model");
    json.set("model", model.set("vocab", std::move(vocab)));
    return Tokenizer(read_tokenizer_json(json, "built in"));
}

Tokenizer byte_level() {
    std::vector<std::string> tokens{"\u0120a", "ab", "\u00c3\u00a9"};
    for (const char32_t character : byte_alphabet) append_utf8(tokens.emplace_back(), character);
    return with_tokens(R"({"added_tokens": [{"id": 900, "content": "<s>", "special": true}, {"id": 901, "content": "\n\n"}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "merges": ["Ġ a", "a b", "Ã ©"]}})",
                       tokens);
}

Tokenizer sentence_piece() {
    std::vector<std::string> tokens{"▁", "a", "b", "▁a", "▁▁", "ab"};
    for (int byte = 0; byte < 256; ++byte) tokens.push_back(byte_token(static_cast<unsigned char>(byte)));
    return with_tokens(R"({"added_tokens": [{"id": 900, "content": "<s>", "special": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "byte_fallback": true, "merges": ["▁ a", "▁ ▁", "a b"]}})",
                       tokens);
}

/// Encodes and checks everything that must be true of any tokenizer; the decoded text.
std::string check(const Tokenizer& tokenizer, std::string_view text, EncodeOptions options) {
    const auto ids = tokenizer.encode(text, options);
    StreamDecoder stream(tokenizer);
    std::string streamed;
    for (const std::uint32_t id : ids) {
        require(id < tokenizer.vocab_size() || !tokenizer.token_of(id), "the size is larger than every id");
        const std::string part = stream.push(id);
        require(is_valid_utf8(part), "a stream gives whole characters");
        streamed += part;
    }
    streamed += stream.finish();
    require(is_valid_utf8(streamed), "a stream ends with whole characters");
    const std::string decoded = tokenizer.decode(ids);
    require(streamed == decoded, "a stream gives the decoded text");
    require(tokenizer.encode(repair_utf8(text), options) == ids, "bytes that are not UTF-8 count as U+FFFD");
    return decoded;
}

void check_built_in(std::string_view text) {
    static const Tokenizer bytes = byte_level(), pieces = sentence_piece();
    const std::string repaired = repair_utf8(text);
    require(check(bytes, text, {}) == repaired, "byte level gives every text back");
    require(check(bytes, text, {.parse_special = false}) == repaired, "also as plain text");
    if (repaired.find("▁") == repaired.npos && repaired.find("<0x") == repaired.npos)  // which stand for something else
        require(check(pieces, text, {.parse_special = false}) == repaired, "SentencePiece gives every text back");
}

void check_document(std::string_view document, std::string_view text) {
    try {
        const Tokenizer tokenizer(read_tokenizer_json(parse_json(document, "file"), "file"));
        check(tokenizer, text, {});
        check(tokenizer, text, {.add_special = false, .parse_special = false});
    } catch (const error& problem) {
        const std::string_view what = problem.what();
        require(what.starts_with("file: ") || what.starts_with("text: "), "a refusal begins with the file or the text");
        require(what.find('\n') == what.npos, "a refusal is one line");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t zero = input.find('\0');
    if (zero == input.npos)
        check_built_in(input);
    else
        check_document(input.substr(0, zero), input.substr(zero + 1));
    return 0;
}
