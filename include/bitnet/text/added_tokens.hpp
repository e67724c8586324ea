/// Tokens that are found in a text before its words are: control tokens and additions to a vocabulary.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <bitnet/text/normalizer.hpp>
#include <bitnet/text/pcre2.hpp>
#include <bitnet/text/utf8.hpp>
#include <bitnet/text/vocabulary.hpp>

namespace bitnet::inline BITNET_ABI {

struct AddedToken {
    std::uint32_t id = 0;
    std::string content{};
    bool single_word = false;  ///< not found where a word character touches it
    bool lstrip = false;       ///< takes the white space in front of it along
    bool rstrip = false;       ///< takes the white space behind it along
    bool normalized = false;   ///< searched in the normalized text, by its normalized content
    bool special = false;      ///< a control token: can be left out when decoding, and taken as plain text when encoding

    bool operator==(const AddedToken&) const = default;

    /// An object with the members of this struct; absent flags are false, except that plain tokens are normalized.
    static AddedToken from(const Fields& fields, std::uint32_t id) {
        const bool special = fields.flag("special", false);
        return {id,
                fields.text("content"),
                fields.flag("single_word", false),
                fields.flag("lstrip", false),
                fields.flag("rstrip", false),
                fields.flag("normalized", !special),
                special};
    }
};

/// A part of a text: an added token, or text between such tokens.
struct TextPart {
    std::size_t begin, end;
    std::optional<std::uint32_t> id;  ///< of the token; nothing for text
};

namespace detail {

/// Finds, at each place, the longest of many strings. A tree of bytes; its edges stand in one table.
class TokenTree {
public:
    void add(std::string_view text, std::size_t token) {
        if (text.empty()) return;
        begins_[static_cast<unsigned char>(text[0])] = true;
        std::size_t node = 0;
        for (const char byte : text) node = edges_.try_emplace(edge(node, byte), edges_.size() + 1).first->second;
        ends_.try_emplace(node, token);
    }
    /// The token of the longest string at text[at] and its size.
    std::optional<std::pair<std::size_t, std::size_t>> longest(std::string_view text, std::size_t at) const {
        std::optional<std::pair<std::size_t, std::size_t>> best;
        if (!begins_[static_cast<unsigned char>(text[at])]) return best;
        std::size_t node = 0;
        for (std::size_t i = at; i < text.size(); ++i) {
            const auto next = edges_.find(edge(node, text[i]));
            if (next == edges_.end()) break;
            node = next->second;
            if (const auto end = ends_.find(node); end != ends_.end()) best = {end->second, i + 1 - at};
        }
        return best;
    }

private:
    static std::uint64_t edge(std::size_t node, char byte) {
        return std::uint64_t{node} << 8 | static_cast<unsigned char>(byte);
    }
    std::array<bool, 256> begins_{};
    std::unordered_map<std::uint64_t, std::size_t> edges_;
    std::unordered_map<std::size_t, std::size_t> ends_;
};

}  // namespace detail

/// All added tokens of a tokenizer, in two groups: searched in the raw text, and in the normalized one.
class AddedTokens {
public:
    AddedTokens() = default;

    /// Errors  errc::bad_file for an id or a content that stands there twice
    AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalize, std::string_view where)
        : tokens_(std::move(tokens)) {
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            const AddedToken& token = tokens_[i];
            table_.add(token.content, token.id, where);
            texts_.emplace(token.id, token.normalized ? normalize(token.content) : token.content);
            if (token.special) special_.insert(token.id);
        }
        // Of two tokens that look the same after normalization, a special one is found.
        for (const bool special : {true, false})
            for (std::size_t i = 0; i < tokens_.size(); ++i) {
                if (tokens_[i].special != special) continue;
                (tokens_[i].normalized ? normalized_ : raw_).add(texts_.at(tokens_[i].id), i);
            }
    }

    const std::vector<AddedToken>& tokens() const noexcept { return tokens_; }
    const Vocabulary& table() const noexcept { return table_; }
    bool is_special(std::uint32_t id) const { return special_.contains(id); }

    /// What stands in a text for the token, and what it is decoded from: its content, normalized where the token is.
    std::optional<std::string_view> text_of(std::uint32_t id) const {
        const auto found = texts_.find(id);
        return found == texts_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
    }

    /// The text cut at the tokens of one group: leftmost first, the longest of those that begin there, not overlapping.
    /// Text parts are not empty. Without `special`, special tokens are text.
    std::vector<TextPart> split(std::string_view text, bool normalized, bool special) const {
        const detail::TokenTree& tree = normalized ? normalized_ : raw_;
        std::vector<TextPart> parts;
        std::size_t rest = 0;
        for (std::size_t at = 0; at < text.size();) {
            const auto found = tree.longest(text, at);
            if (!found) {
                ++at;
                continue;
            }
            const AddedToken& token = tokens_[found->first];
            std::size_t begin = at, end = at += found->second;
            if (token.special && !special) continue;
            if (token.single_word && (ends_with_word(text.substr(0, begin)) || begins_with_word(text.substr(end)))) continue;
            if (token.lstrip) begin = begin < rest ? rest : rest + white_space_begin(text.substr(rest, begin - rest));
            if (token.rstrip) end = white_space_end(text, std::max(rest, end));  // behind what the last one took
            if (rest < begin) parts.push_back({rest, begin, std::nullopt});
            parts.push_back({begin, end, token.id});
            rest = end;
        }
        if (rest < text.size()) parts.push_back({rest, text.size(), std::nullopt});
        return parts;
    }

private:
    static std::size_t last_character(std::string_view text) {
        std::size_t at = text.size() - 1;
        while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0u) == 0x80u) --at;
        return at;
    }
    static std::size_t white_space_begin(std::string_view text) {
        while (!text.empty()) {
            const std::size_t last = last_character(text);
            if (!is_white_space(utf8_step(text, last).character)) break;
            text = text.substr(0, last);
        }
        return text.size();
    }
    static std::size_t white_space_end(std::string_view text, std::size_t at) {
        while (at < text.size()) {
            const Utf8Step step = utf8_step(text, at);
            if (!is_white_space(step.character)) break;
            at += step.bytes;
        }
        return at;
    }
    bool ends_with_word(std::string_view text) const {
        return !text.empty() && word_.matches(text.substr(last_character(text)));
    }
    bool begins_with_word(std::string_view text) const {
        return !text.empty() && word_.matches(text.substr(0, utf8_step(text, 0).bytes));
    }

    std::vector<AddedToken> tokens_;
    Regex word_{"[\\w\\p{Join_Control}]", "added tokens"};
    Vocabulary table_;
    std::unordered_map<std::uint32_t, std::string> texts_;
    std::unordered_set<std::uint32_t> special_;
    detail::TokenTree raw_, normalized_;
};

}  // namespace bitnet::inline BITNET_ABI
