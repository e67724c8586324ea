/// Reads tokenizer.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/fields.hpp>
#include <bitnet/text/tokenizer_parts.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Every option that changes ids and that nothing here can do, refused by name.
inline void refuse_unknown_model(const Fields& model) {
    const bool has_type = model.find("type") != nullptr;
    if (has_type && model.text("type") != "BPE") model.refuse_type("BPE");
    if (!has_type && model.find("merges") == nullptr)  // old files name no type
        throw error(errc::unsupported, message(model.where(), " is not BPE: it has neither \"type\" nor \"merges\""));
    if (const Json* dropout = model.find("dropout"); dropout != nullptr && dropout->as_double(model.where("dropout")) != 0)
        throw error(errc::unsupported, message(model.where("dropout"), ": only 0 is supported, found ", dropout->description()));
    for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (const std::string affix = model.text(key, ""); !affix.empty())
            throw error(errc::unsupported, message(model.where(key), ' ', quote(affix), " is not supported"));
}

/// ["A", "B"] or "A B". where() begins the message of a refusal.
template <class Where>
std::pair<std::string_view, std::string_view> merge_parts(const Json& merge, const Where& where) {
    if (merge.is_array()) {
        const Json::Array& parts = merge.as_array();
        const bool two_texts = parts.size() == 2 && parts[0].is_string() && parts[1].is_string();
        if (two_texts) return {parts[0].as_string(), parts[1].as_string()};
    } else if (merge.is_string()) {
        const std::string_view text = merge.as_string();
        const std::size_t space = text.find(' ');
        if (space != text.npos && text.find(' ', space + 1) == text.npos) return {text.substr(0, space), text.substr(space + 1)};
    }
    throw error(errc::bad_file, message(where(), ": expected two tokens, found ", merge.description()));
}

}  // namespace detail

/// "model" of tokenizer.json.
///
/// Errors  errc::unsupported "<file>: model.type "Unigram" is not supported; known: BPE", and those of Vocabulary, Bpe
inline Bpe read_bpe(const Fields& model) {
    detail::refuse_unknown_model(model);
    Vocabulary vocabulary = Vocabulary::from(model.required_object("vocab"));
    Bpe::Options options{.fuse_unknown = model.flag("fuse_unk", false),
                         .byte_fallback = model.flag("byte_fallback", false),
                         .ignore_merges = model.flag("ignore_merges", false)};
    if (model.find("unk_token") != nullptr) {
        const std::string unknown = model.text("unk_token");
        options.unknown = vocabulary.id_of(unknown);
        if (!options.unknown)
            throw error(errc::bad_file, message(model.where("unk_token"), ' ', detail::quote(unknown), " is not in the vocabulary"));
    }
    Bpe out(std::move(vocabulary), options, model.where());
    const Json::Array& merges = model.required("merges").as_array(model.where("merges"));
    out.reserve_merges(merges.size());
    for (std::size_t i = 0; i < merges.size(); ++i) {
        const auto where = [&] { return message(model.where("merges"), '[', i, ']'); };
        const auto [left, right] = detail::merge_parts(merges[i], where);
        out.add_merge(left, right, where);
    }
    return out;
}

/// The whole document; `file` begins every message.
///
/// Errors  errc::unsupported for a kind of any part that nothing here can do, by its name; errc::missing, errc::bad_value
///         and errc::bad_file by key
inline TokenizerParts read_tokenizer_json(const Json& json, const std::string& file) {
    const Fields document(json, file);
    Bpe model = read_bpe(document.required_object("model"));
    Normalizer normalizer = Normalizer::from(document);
    std::vector<AddedToken> added;
    for (const Fields& token : document.objects("added_tokens")) added.push_back(AddedToken::from(token, token.id("id")));
    require_agreement(added, model.vocabulary(), document.where("added_tokens"));
    AddedTokens tokens(std::move(added), normalizer, document.where("added_tokens"));
    return {.added = std::move(tokens),
            .normalizer = std::move(normalizer),
            .pre_tokenizer = PreTokenizer::from(document),
            .model = std::move(model),
            .post_processor = PostProcessor::from(document),
            .decoder = Decoder::from(document)};
}

}  // namespace bitnet::inline BITNET_ABI
