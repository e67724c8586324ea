/// Reads the older form of a tokenizer: vocab.json, merges.txt and tokenizer_config.json.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/fields.hpp>
#include <bitnet/text/special_tokens.hpp>
#include <bitnet/text/tokenizer_parts.hpp>

namespace bitnet::inline BITNET_ABI {

/// merges.txt: "A B" on each line, lowest rank first; the first line may be "#version: ...".
///
/// Errors  errc::bad_file "<file>: line 7: expected two tokens, found "ab"", and those of Bpe::add_merge
inline void read_merges(std::string_view text, std::string_view file, Bpe& model) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;  // "# #" is a merge
        const auto where = [&] { return message(file, ": line ", number); };
        const std::size_t space = line.find(' ');
        if (space == line.npos || line.find(' ', space + 1) != line.npos)
            throw error(errc::bad_file,
                        message(where(), ": expected two tokens, found ", detail::quote(repair_utf8(line))));
        model.add_merge(line.substr(0, space), line.substr(space + 1), where);
    }
}

namespace detail {

/// "added_tokens_decoder": {"151643": {"content": ...}}.
inline std::vector<AddedToken> added_tokens_decoder(const Fields& config) {
    std::vector<AddedToken> out;
    const auto list = config.object("added_tokens_decoder");
    if (!list) return out;
    for (const auto& [key, value] : list->json().as_object()) {
        std::uint64_t id = 0;
        const auto [stop, failure] = std::from_chars(key.data(), key.data() + key.size(), id);
        if (failure != std::errc{} || stop != key.data() + key.size())
            throw error(errc::bad_value, message(list->where(), ": ", quote(key), " is not a token id"));
        out.push_back(AddedToken::from(list->required_object(key), Fields::as_id(id, list->where(key))));
    }
    return out;
}

/// The steps that the class of a tokenizer stands for.
struct ClassSteps {
    Normalizer normalizer;
    PreTokenizer pre_tokenizer;
};
inline ClassSteps steps_of_class(const Fields& config) {
    std::string name = config.text("tokenizer_class", "GPT2Tokenizer");  // which was there before classes had names
    if (name.ends_with("Fast")) name.resize(name.size() - 4);
    const bool space = config.flag("add_prefix_space", false);
    if (name == "GPT2Tokenizer")
        return {Normalizer(), PreTokenizer({pre_tokenizer::ByteLevel{space, Regex(gpt2_pattern, name)}})};
    if (name == "Qwen2Tokenizer")
        return {Normalizer({normalizer::Nfc{}}), PreTokenizer({pre_tokenizer::Split{Pattern(Regex(qwen2_pattern, name))},
                                                               pre_tokenizer::ByteLevel{space}})};
    throw error(errc::unsupported, message(config.where("tokenizer_class"), ' ', quote(name),
                                           " is not supported without tokenizer.json; known: GPT2Tokenizer, Qwen2Tokenizer"));
}

/// The control tokens that the configuration names and that are in the vocabulary, unless they are listed already.
inline void append_named_tokens(const Fields& config, const Vocabulary& vocabulary, std::vector<AddedToken>& added) {
    const bool gpt2 = config.text("tokenizer_class", "GPT2Tokenizer").starts_with("GPT2");
    for (const std::string_view key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
        std::optional<std::string> name = special_token(config, key);
        if (gpt2 && config.json().find(key) == nullptr) name = "<|endoftext|>";
        const auto id = name ? vocabulary.id_of(*name) : std::nullopt;
        const auto same = [&](const AddedToken& token) { return token.content == *name; };
        if (id && std::none_of(added.begin(), added.end(), same))
            added.push_back({.id = *id, .content = *name, .special = true});
    }
}

}  // namespace detail

/// Where the three documents come from, for messages.
struct TokenizerFileNames {
    std::string vocab = "vocab.json", merges = "merges.txt", config = "tokenizer_config.json";
};

/// A byte-level tokenizer of the class that tokenizer_config.json names: GPT2Tokenizer (also when it names none) or
/// Qwen2Tokenizer.
///
/// Errors  errc::unsupported for another class, by its name; errc::bad_value and errc::bad_file by key and line
inline TokenizerParts read_vocab_and_merges(const Json& vocab, std::string_view merges, const Json& config,
                                            const TokenizerFileNames& files = {}) {
    const Fields options(config, files.config);
    detail::ClassSteps steps = detail::steps_of_class(options);
    Bpe model(Vocabulary::from(Fields(vocab, files.vocab)), {}, files.merges);
    read_merges(merges, files.merges, model);
    std::vector<AddedToken> added = detail::added_tokens_decoder(options);
    require_agreement(added, model.vocabulary(), options.where("added_tokens_decoder"));
    detail::append_named_tokens(options, model.vocabulary(), added);
    AddedTokens tokens(std::move(added), steps.normalizer, options.where("added_tokens_decoder"));
    return {.added = std::move(tokens),
            .normalizer = std::move(steps.normalizer),
            .pre_tokenizer = std::move(steps.pre_tokenizer),
            .model = std::move(model),
            .decoder = Decoder({decoder::ByteLevel{}})};
}

}  // namespace bitnet::inline BITNET_ABI
