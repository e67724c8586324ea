/// Text to token ids and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/text/tokenizer_files.hpp>
#include <bitnet/text/tokenizer_parts.hpp>
#include <bitnet/text/utf8.hpp>

namespace bitnet::inline BITNET_ABI {

struct EncodeOptions {
    bool add_special = true;    ///< the control tokens that the tokenizer puts around a text, such as `<s>`
    bool parse_special = true;  ///< "<|endoftext|>" in the text is that token; without it, plain text. For untrusted text
};

/// Byte-level and SentencePiece-style BPE, with the ids of the tokenizers library.
///
/// A value, cheap to copy and to move; const use from several threads is safe.
class Tokenizer {
public:
    explicit Tokenizer(TokenizerParts parts) : parts_(std::make_shared<const TokenizerParts>(std::move(parts))) {}

    /// From a model directory or its tokenizer.json: tokenizer.json where it exists, else vocab.json with merges.txt;
    /// tokenizer_config.json and special_tokens_map.json beside it name the control tokens.
    ///
    /// Errors  errc::missing without any such file; errc::unsupported "<file>: model.type "Unigram" is not supported;
    ///         known: BPE" and the like; errc::bad_file and errc::bad_value by file and key
    static Tokenizer open(const std::filesystem::path& directory_or_file) {
        return Tokenizer(read_tokenizer_files(directory_or_file));
    }

    /// Ids of a text. Each maximal subsequence that is not UTF-8 counts as U+FFFD.
    ///
    /// Errors  errc::bad_value for a character that the tokenizer has no token for, not even an unknown one
    std::vector<std::uint32_t> encode(std::string_view text, EncodeOptions options = {}) const {
        std::string repaired;
        if (!is_valid_utf8(text)) text = repaired = repair_utf8(text);
        std::vector<std::uint32_t> ids;
        if (options.add_special) ids = parts_->post_processor.before;
        for (const TextPart& part : parts_->added.split(text, false, options.parse_special)) {
            if (part.id)
                ids.push_back(*part.id);
            else
                encode_part(text.substr(part.begin, part.end - part.begin), part.begin == 0, options, ids);
        }
        if (options.add_special)
            ids.insert(ids.end(), parts_->post_processor.after.begin(), parts_->post_processor.after.end());
        return ids;
    }

    /// Text of ids, always UTF-8. Ids without a token are nothing; with skip_special, so are control tokens.
    std::string decode(std::span<const std::uint32_t> ids, bool skip_special = false) const;

    /// The largest id and 1. Ids may have holes, and a model's embedding may have more rows.
    std::size_t vocab_size() const noexcept { return std::max(parts_->model.vocabulary().size(), parts_->added.table().size()); }
    /// The id of one token as the vocabulary writes it: a space is "\u0120" or "\u2581" there.
    std::optional<std::uint32_t> id_of(std::string_view token) const {
        const auto added = parts_->added.table().id_of(token);
        return added ? added : parts_->model.vocabulary().id_of(token);
    }
    /// The view lives as long as any copy of the tokenizer.
    std::optional<std::string_view> token_of(std::uint32_t id) const {
        const auto added = parts_->added.table().token_of(id);
        return added ? added : parts_->model.vocabulary().token_of(id);
    }
    /// Whether the token is a control token.
    bool is_special(std::uint32_t id) const { return parts_->added.is_special(id); }
    /// The tokens of the beginning and the end of a text, where the files name them.
    std::optional<std::uint32_t> bos() const noexcept { return parts_->bos; }
    std::optional<std::uint32_t> eos() const noexcept { return parts_->eos; }
    const TokenizerParts& parts() const noexcept { return *parts_; }

private:
    void encode_part(std::string_view raw, bool first, EncodeOptions options, std::vector<std::uint32_t>& ids) const {
        const std::string text = parts_->normalizer(raw);
        for (const TextPart& part : parts_->added.split(text, true, options.parse_special)) {
            if (part.id) {
                ids.push_back(*part.id);
                continue;
            }
            const auto words = parts_->pre_tokenizer({text.substr(part.begin, part.end - part.begin), first && part.begin == 0});
            for (const Word& word : words) parts_->model.encode(word.text, ids);
        }
    }

    std::shared_ptr<const TokenizerParts> parts_;
};

/// Decodes ids as they come: what push() and finish() return, joined, is what decode() of all ids returns.
///
/// Never half a character: bytes that may be the beginning of one are held back, and so are runs of byte tokens.
class StreamDecoder {
public:
    explicit StreamDecoder(Tokenizer tokenizer, bool skip_special = false)
        : tokenizer_(std::move(tokenizer)), skip_special_(skip_special), run_(tokenizer_.parts().decoder) {}

    /// What the text is longer by for certain; often nothing.
    std::string push(std::uint32_t id) {
        if (skip_special_ && tokenizer_.is_special(id)) return {};
        const TokenizerParts& parts = tokenizer_.parts();
        const auto added = parts.added.text_of(id);
        const auto token = added ? added : parts.model.vocabulary().token_of(id);
        return token ? run_.push(*token) : std::string();
    }
    /// What was held back. Nothing may be pushed after it.
    std::string finish() { return run_.finish(); }

private:
    Tokenizer tokenizer_;
    bool skip_special_;
    Decoder::Run run_;  // refers to the decoder behind tokenizer_'s pointer, which a copy shares
};

inline std::string Tokenizer::decode(std::span<const std::uint32_t> ids, bool skip_special) const {
    StreamDecoder stream(*this, skip_special);
    std::string out;
    for (const std::uint32_t id : ids) out += stream.push(id);
    return out += stream.finish();
}

}  // namespace bitnet::inline BITNET_ABI
