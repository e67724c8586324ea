/// A tokenizer that was trained here as the files that it is read from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <bitnet/io/json_value.hpp>
#include <bitnet/text/bpe_trainer.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

inline Json added_tokens_json(const TrainedBpe& trained) {
    Json out = Json::array();
    for (std::size_t id = 0; id < trained.special_tokens; ++id)
        out.push_back(Json::object({{"id", id},
                                    {"content", trained.tokens[id]},
                                    {"single_word", false},
                                    {"lstrip", false},
                                    {"rstrip", false},
                                    {"normalized", false},
                                    {"special", true}}));
    return out;
}

inline Json byte_level_json(bool add_prefix_space) {
    return Json::object({{"type", "ByteLevel"},
                         {"add_prefix_space", add_prefix_space},
                         {"trim_offsets", true},
                         {"use_regex", true}});
}

/// The first special token in front of each text.
inline Json template_json(const std::string& begin) {
    const auto token = [&begin](int type) {
        return Json::object({{"SpecialToken", Json::object({{"id", begin}, {"type_id", type}})}});
    };
    const auto text = [](const char* name, int type) {
        return Json::object({{"Sequence", Json::object({{"id", name}, {"type_id", type}})}});
    };
    const Json meaning = Json::object({{"id", begin}, {"ids", Json::array({0})}, {"tokens", Json::array({begin})}});
    return Json::object({{"type", "TemplateProcessing"},
                         {"single", Json::array({token(0), text("A", 0)})},
                         {"pair", Json::array({token(0), text("A", 0), token(1), text("B", 1)})},
                         {"special_tokens", Json::object({{begin, meaning}})}});
}

inline Json bpe_json(const TrainedBpe& trained) {
    Json::Object vocabulary;
    vocabulary.reserve(trained.tokens.size());
    for (const std::string& token : trained.tokens) vocabulary.emplace_back(token, vocabulary.size());
    Json::Array merges;
    merges.reserve(trained.merges.size());
    for (const auto& [left, right] : trained.merges)
        merges.push_back(Json::array({trained.tokens[left], trained.tokens[right]}));
    return Json::object({{"type", "BPE"},
                         {"dropout", nullptr},
                         {"unk_token", nullptr},
                         {"continuing_subword_prefix", nullptr},
                         {"end_of_word_suffix", nullptr},
                         {"fuse_unk", false},
                         {"byte_fallback", false},
                         {"ignore_merges", false},
                         {"vocab", Json::object(std::move(vocabulary))},
                         {"merges", Json::array(std::move(merges))}});
}

}  // namespace detail

/// tokenizer.json of what train_bpe() returned: every member that the tokenizers library writes, with its values.
///
/// Words are those of GPT-2 without a space put in front of a text; the first special token begins every text.
inline Json tokenizer_json(const TrainedBpe& trained) {
    return Json::object({{"version", "1.0"},
                         {"truncation", nullptr},
                         {"padding", nullptr},
                         {"added_tokens", detail::added_tokens_json(trained)},
                         {"normalizer", nullptr},
                         {"pre_tokenizer", detail::byte_level_json(false)},
                         {"post_processor", detail::template_json(trained.tokens.front())},
                         {"decoder", detail::byte_level_json(true)},  // a decoder's flags mean nothing
                         {"model", detail::bpe_json(trained)}});
}

/// tokenizer_config.json beside it, as transformers reads it: which special tokens begin and end a text, and how many
/// tokens the model takes. The unknown token, which byte-level text never needs, is the last one too, as in GPT-2.
inline Json tokenizer_config_json(const TrainedBpe& trained, std::size_t model_max_length) {
    const std::string& end = trained.tokens[trained.special_tokens - 1];
    return Json::object({{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"bos_token", trained.tokens.front()},
                         {"eos_token", end},
                         {"unk_token", end},
                         {"model_max_length", model_max_length},
                         {"clean_up_tokenization_spaces", false}});  // true would change decoded text
}

}  // namespace bitnet::inline BITNET_ABI
