/// Byte pair encoding: a word becomes ids by merging neighbours, the merge of lowest rank first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/utf8.hpp>
#include <bitnet/text/vocabulary.hpp>

namespace bitnet::inline BITNET_ABI {

/// "<0x0A>", the token of a byte where characters fall back to bytes.
inline std::string byte_token(unsigned char byte) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    return message("<0x", hex[byte >> 4], hex[byte & 15], '>');
}

/// The model of a tokenizer: a vocabulary and merges.
///
///     symbols = characters of the word;  while two neighbours have a merge: merge the pair of lowest rank, ties leftmost
///
/// A character outside the vocabulary becomes the tokens of its bytes (byte_fallback, when all of them exist), else
/// the unknown token. O(n log n) for a word of n characters.
///
/// Source  Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2
class Bpe {
public:
    struct Options {
        std::optional<std::uint32_t> unknown{};  ///< id of the unknown token
        bool fuse_unknown = false;               ///< neighbouring unknown characters are one unknown token
        bool byte_fallback = false;
        bool ignore_merges = false;  ///< a word that is a token is that token, whatever the merges say
    };

    Bpe() = default;
    Bpe(Vocabulary vocabulary, Options options, std::string where)
        : vocabulary_(std::move(vocabulary)), options_(options), where_(std::move(where)) {
        if (!options_.byte_fallback) return;
        for (std::size_t byte = 0; byte < 256; ++byte)
            bytes_[byte] = vocabulary_.id_of(byte_token(static_cast<unsigned char>(byte)));
    }

    /// The next merge; its rank is the number of those before it. where() begins the message of a refusal.
    ///
    /// Errors  errc::bad_file "<where()>: "ab" is not in the vocabulary", for either part and for both together
    template <class Where>
    void add_merge(std::string_view left, std::string_view right, const Where& where) {
        const auto id_of = [&](std::string_view token) {
            if (const auto id = vocabulary_.id_of(token)) return *id;
            throw error(errc::bad_file, message(where(), ": ", detail::quote(token), " is not in the vocabulary"));
        };
        const std::uint64_t pair = pair_of(id_of(left), id_of(right));
        const std::uint32_t both = id_of(std::string(left) += right);
        // Of a merge that stands there twice, the later one counts, as in the tokenizers library.
        merges_[pair] = {merge_count_++, both};
    }
    void reserve_merges(std::size_t count) { merges_.reserve(count); }

    const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
    const Options& options() const noexcept { return options_; }

    /// Appends the ids of one word, which is UTF-8.
    ///
    /// Errors  errc::bad_value for a character outside the vocabulary when there is no unknown token, and for a word of
    ///         4 GiB
    void encode(std::string_view word, std::vector<std::uint32_t>& ids) const {
        if (word.empty()) return;
        if (const auto whole = options_.ignore_merges ? vocabulary_.id_of(word) : std::nullopt) return ids.push_back(*whole);
        if (word.size() >= none) throw error(errc::bad_value, message("text: a word of ", word.size(), " bytes is too long"));
        std::vector<Symbol> symbols = split(word);
        if (symbols.size() > 1) merge(symbols);
        for (std::uint32_t at = symbols.empty() ? none : 0; at != none; at = symbols[at].next) ids.push_back(symbols[at].id);
    }

private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct Merge {
        std::uint32_t rank, id;
    };
    /// A part of the word in a doubly linked list; `previous` of a part that was merged away is itself.
    struct Symbol {
        std::uint32_t id, previous, next;
    };
    /// A merge that was possible when it was entered.
    struct Candidate {
        std::uint32_t rank, left, id;
        bool operator>(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : left > other.left;
        }
    };

    static std::uint64_t pair_of(std::uint32_t left, std::uint32_t right) { return std::uint64_t{left} << 32 | right; }

    std::vector<Symbol> split(std::string_view word) const {
        std::vector<Symbol> symbols;
        symbols.reserve(word.size());
        const auto append = [&symbols](std::uint32_t id) {
            const auto at = static_cast<std::uint32_t>(symbols.size());
            symbols.push_back({id, at - 1, at + 1});
        };
        bool after_unknown = false;
        for (std::size_t at = 0; at < word.size();) {
            const std::string_view character = word.substr(at, utf8_step(word, at).bytes);
            at += character.size();
            if (const auto id = vocabulary_.id_of(character)) {
                append(*id);
                after_unknown = false;
            } else if (has_bytes(character)) {
                for (const char byte : character) append(*bytes_[static_cast<unsigned char>(byte)]);
                after_unknown = false;
            } else {
                if (!options_.unknown)
                    throw error(errc::bad_value, message(where_, ": ", detail::quote(character),
                                                         " is not in the vocabulary and there is no unknown token"));
                if (!(after_unknown && options_.fuse_unknown)) append(*options_.unknown);
                after_unknown = true;
            }
        }
        if (!symbols.empty()) symbols.front().previous = symbols.back().next = none;
        return symbols;
    }
    bool has_bytes(std::string_view character) const {
        return options_.byte_fallback && std::all_of(character.begin(), character.end(), [this](char byte) {
            return bytes_[static_cast<unsigned char>(byte)].has_value();
        });
    }

    void merge(std::vector<Symbol>& symbols) const {
        std::vector<Candidate> heap;
        const auto candidate = [&](std::uint32_t left) -> std::optional<Candidate> {
            const auto found = merges_.find(pair_of(symbols[left].id, symbols[symbols[left].next].id));
            if (found == merges_.end()) return std::nullopt;
            return Candidate{found->second.rank, left, found->second.id};
        };
        const auto enter = [&](std::uint32_t left) {
            if (const auto possible = candidate(left)) {
                heap.push_back(*possible);
                std::push_heap(heap.begin(), heap.end(), std::greater<>());
            }
        };
        for (std::uint32_t left = 0; symbols[left].next != none; ++left)
            if (const auto possible = candidate(left)) heap.push_back(*possible);
        std::make_heap(heap.begin(), heap.end(), std::greater<>());
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end(), std::greater<>());
            const Candidate best = heap.back();
            heap.pop_back();
            Symbol& left = symbols[best.left];
            if (left.previous == best.left || left.next == none) continue;  // merged away, or the last one now
            const auto now = candidate(best.left);
            if (!now || now->id != best.id) continue;  // its neighbour has changed
            Symbol& right = symbols[left.next];
            right.previous = std::exchange(left.next, right.next);
            if (left.next != none) symbols[left.next].previous = best.left;
            left.id = best.id;
            if (left.previous != none) enter(left.previous);
            if (left.next != none) enter(best.left);
        }
    }

    Vocabulary vocabulary_;
    Options options_{};
    std::string where_;
    std::array<std::optional<std::uint32_t>, 256> bytes_{};
    std::unordered_map<std::uint64_t, Merge> merges_;
    std::uint32_t merge_count_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI
