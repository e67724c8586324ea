/// Learns byte pair encoding from text: which neighbours become one token, and in which order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/byte_alphabet.hpp>
#include <bitnet/text/pcre2.hpp>
#include <bitnet/text/pre_tokenizer.hpp>
#include <bitnet/text/utf8.hpp>
#include <bitnet/text/vocabulary.hpp>

namespace bitnet::inline BITNET_ABI {

struct BpeTrainerOptions {
    std::size_t vocab_size = 512;                              ///< special tokens, 256 bytes and merges, all together
    std::size_t min_frequency = 2;                             ///< rarer pairs are not merged; 0 is 1
    std::vector<std::string> special_tokens{"<|endoftext|>"};  ///< the first begins a text, and the last ends one
};

/// What train_bpe() has learned.
struct TrainedBpe {
    struct Merge {
        std::uint32_t left, right;
        bool operator==(const Merge&) const = default;
    };
    /// By id: special tokens, the characters of the byte alphabet in the order of their code points, what each merge makes.
    std::vector<std::string> tokens{};
    std::vector<Merge> merges{};     ///< by rank; merge i makes the token tokens.size() - merges.size() + i
    std::size_t special_tokens = 0;  ///< how many they are

    bool operator==(const TrainedBpe&) const = default;
};

namespace detail {

/// How often each word of a text occurs there.
using WordCounts = std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>>;

/// Words are the matches of GPT-2's pattern, which leave nothing between them.
inline void count_words(const Regex& pattern, std::string_view document, WordCounts& counts) {
    std::string repaired;
    if (!is_valid_utf8(document)) document = repaired = repair_utf8(document);
    pattern.for_each_match(document, [&](std::size_t begin, std::size_t end) {
        const std::string_view word = document.substr(begin, end - begin);
        if (const auto found = counts.find(word); found != counts.end())
            ++found->second;
        else
            counts.emplace(word, 1);
    });
}

/// Words as ids, how often each pair of neighbours stands in them, and where: a merge visits only the words with its pair.
///
/// A pair comes into being at once, with the token that is its younger part, and only becomes rarer from then on. So its
/// count in the heap is never too small, and one that is too large is corrected when it gets to the top.
class PairTable {
public:
    /// `ids` of a word that occurs `count` times. All words come before the first merge.
    void add_word(std::span<const std::uint32_t> ids, std::int64_t count) {
        words_.push_back({ids_.size(), ids.size(), count});
        ids_.insert(ids_.end(), ids.begin(), ids.end());
        for (std::size_t i = 0; i + 1 < ids.size(); ++i) add(ids[i], ids[i + 1], words_.size() - 1);
    }

    /// The pair that occurs most often; of equal ones that of the lowest left id, then of the lowest right id.
    /// Nothing when none occurs `least` times, least >= 1.
    std::optional<TrainedBpe::Merge> most_frequent(std::int64_t least) {
        enter_new_pairs();
        while (!heap_.empty() && heap_.top().count >= least) {
            const Candidate top = heap_.top();
            heap_.pop();
            const std::int64_t count = pairs_.at(top.pair).count;
            if (count == top.count)
                return TrainedBpe::Merge{static_cast<std::uint32_t>(top.pair >> 32), static_cast<std::uint32_t>(top.pair)};
            heap_.push({count, top.pair});
        }
        return std::nullopt;
    }

    /// Puts a new id in the place of each such pair, in each word from left to right.
    void merge(TrainedBpe::Merge merge, std::uint32_t id) {
        const auto merged = pairs_.find(key(merge.left, merge.right));
        for (const std::size_t word : merged->second.words) merge_in(word, merge, id);
        pairs_.erase(merged);  // it is nowhere now, and no other merge makes its two tokens
    }

private:
    struct Word {
        std::size_t begin, size;  ///< its place in ids_
        std::int64_t count;
    };
    struct Pair {
        std::int64_t count = 0;  ///< with overlaps: two for "aaa"
        std::vector<std::size_t> words{};
    };
    struct Candidate {
        std::int64_t count;
        std::uint64_t pair;
        bool operator<(const Candidate& other) const {
            return count != other.count ? count < other.count : pair > other.pair;
        }
    };

    static std::uint64_t key(std::uint32_t left, std::uint32_t right) { return std::uint64_t{left} << 32 | right; }

    void add(std::uint32_t left, std::uint32_t right, std::size_t word) {
        const auto [place, is_new] = pairs_.try_emplace(key(left, right));
        if (is_new) new_pairs_.push_back(place->first);
        Pair& pair = place->second;
        pair.count += words_[word].count;
        if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
    }
    void remove(std::uint32_t left, std::uint32_t right, std::size_t word) {
        pairs_.at(key(left, right)).count -= words_[word].count;
    }
    void enter_new_pairs() {
        for (const std::uint64_t pair : new_pairs_) heap_.push({pairs_.at(pair).count, pair});
        new_pairs_.clear();
    }

    void merge_in(std::size_t index, TrainedBpe::Merge merge, std::uint32_t id) {
        Word& word = words_[index];
        const std::span<std::uint32_t> ids = std::span(ids_).subspan(word.begin, word.size);
        std::size_t kept = 0;
        for (std::size_t at = 0; at < ids.size(); ++at) {
            if (at + 1 == ids.size() || ids[at] != merge.left || ids[at + 1] != merge.right) {
                ids[kept++] = ids[at];
                continue;
            }
            if (kept > 0) {
                remove(ids[kept - 1], merge.left, index);
                add(ids[kept - 1], id, index);
            }
            if (at + 2 < ids.size()) {
                remove(merge.right, ids[at + 2], index);
                add(id, ids[at + 2], index);
            }
            ids[kept++] = id;
            ++at;
        }
        word.size = kept;
    }

    std::vector<std::uint32_t> ids_;  // of all words, one behind the other
    std::vector<Word> words_;
    std::unordered_map<std::uint64_t, Pair> pairs_;
    std::vector<std::uint64_t> new_pairs_;
    std::priority_queue<Candidate> heap_;
};

/// The tokens before the first merge. Errors as train_bpe.
class TokenList {
public:
    explicit TokenList(const BpeTrainerOptions& options) {
        const std::vector<std::string>& special = options.special_tokens;
        if (special.empty()) throw error(errc::bad_value, "special_tokens: expected at least one, with which a text begins");
        const std::size_t least = special.size() + 256;
        if (options.vocab_size < least)
            throw error(errc::bad_value, message("vocab_size = ", options.vocab_size, ": expected at least ", least,
                                                 ", the 256 bytes and the special tokens"));
        for (std::size_t i = 0; i < special.size(); ++i) {
            const auto refuse = [&](std::string_view what) {
                throw error(errc::bad_value, message("special_tokens[", i, "] ", quote(special[i]), what));
            };
            if (special[i].empty()) refuse(" is empty");
            if (!is_valid_utf8(special[i])) refuse(" is not UTF-8");
            if (!known_.insert(special[i]).second) refuse(" stands there twice");
            tokens_.push_back(special[i]);
        }
        std::array<std::size_t, 256> bytes{};
        for (std::size_t byte = 0; byte < 256; ++byte) bytes[byte] = byte;
        std::sort(bytes.begin(), bytes.end(), [](std::size_t a, std::size_t b) { return byte_alphabet[a] < byte_alphabet[b]; });
        for (const std::size_t byte : bytes)
            bytes_[byte] = append(to_byte_alphabet(std::string(1, static_cast<char>(static_cast<unsigned char>(byte)))));
    }

    /// -> its id. A token that is there already can only be a special one: of equal strings, merges make equal tokens.
    std::uint32_t append(std::string token) {
        if (!known_.insert(token).second)
            throw error(errc::bad_value, message("special_tokens: ", quote(token), " is a part of a word of the text as well; "
                                                 "expected one that is cut into several words, such as \"<|endoftext|>\""));
        tokens_.push_back(std::move(token));
        return static_cast<std::uint32_t>(tokens_.size() - 1);
    }
    std::uint32_t append(TrainedBpe::Merge merge) { return append(tokens_[merge.left] + tokens_[merge.right]); }

    std::uint32_t of_byte(char byte) const { return bytes_[static_cast<unsigned char>(byte)]; }
    std::size_t size() const noexcept { return tokens_.size(); }
    std::vector<std::string> take() && { return std::move(tokens_); }

private:
    std::vector<std::string> tokens_;
    std::unordered_set<std::string> known_;
    std::array<std::uint32_t, 256> bytes_{};
};

}  // namespace detail

/// Byte-level BPE of documents.
///
///     words = matches of GPT-2's pattern, as bytes;  until there are vocab_size tokens: merge the most frequent pair
///
/// Of equally frequent pairs, the one of the lowest left id comes first, then of the lowest right id: the tokens library's
/// order, so that its BpeTrainer with all bytes as initial_alphabet learns the same ids. All bytes are tokens, so that
/// every text can be encoded. A special token in a document is plain text. When no pair occurs min_frequency times, there
/// are fewer tokens than vocab_size. Each maximal subsequence that is not UTF-8 counts as U+FFFD.
///
/// Time is that of cutting the text into words, then for each merge that of the distinct words with its pair.
/// Errors  errc::bad_value for documents without any text; for a vocab_size below 256 and the special tokens; for special
///         tokens that are none, empty, not UTF-8, doubled, or what the text's own tokens look like
/// Source  Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2; on bytes:
///         Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2
inline TrainedBpe train_bpe(std::span<const std::string> documents, const BpeTrainerOptions& options = {}) {
    detail::TokenList tokens(options);
    detail::WordCounts words;
    const Regex pattern(gpt2_pattern, "train_bpe");
    for (const std::string& document : documents) detail::count_words(pattern, document, words);
    if (words.empty()) throw error(errc::bad_value, "the text to learn tokens from is empty");

    detail::PairTable pairs;
    std::vector<std::uint32_t> ids;
    for (const auto& [word, count] : words) {  // in any order: only sums over words matter
        ids.clear();
        for (const char byte : word) ids.push_back(tokens.of_byte(byte));
        pairs.add_word(ids, count);
    }
    TrainedBpe out{.special_tokens = options.special_tokens.size()};
    const auto least = static_cast<std::int64_t>(std::max<std::size_t>(options.min_frequency, 1));
    while (tokens.size() < options.vocab_size) {
        const auto best = pairs.most_frequent(least);
        if (!best) break;
        pairs.merge(*best, tokens.append(*best));
        out.merges.push_back(*best);
    }
    out.tokens = std::move(tokens).take();
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
