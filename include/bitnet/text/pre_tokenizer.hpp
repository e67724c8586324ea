/// How a normalized text is cut into the words that BPE works on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/text/byte_alphabet.hpp>
#include <bitnet/text/fields.hpp>
#include <bitnet/text/pattern.hpp>

namespace bitnet::inline BITNET_ABI {

/// Words of GPT-2: contractions, letters, numbers, other signs, each with at most one space in front; white space.
///
/// Source  Radford et al. 2019; the alternatives as public tokenizer files state them
inline constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
/// Words of Qwen2: contractions in either case, digits one by one, line breaks apart.
inline constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// A word, and whether it stands at the very beginning of the whole text.
struct Word {
    std::string text;
    bool first = false;
    bool operator==(const Word&) const = default;
};

namespace pre_tokenizer {

struct Range {
    std::size_t begin, end;
};

/// Ranges of a word as words of their own, without empty ones.
inline void append_ranges(const Word& word, const std::vector<Range>& ranges, std::vector<Word>& out) {
    for (const Range& range : ranges)
        if (range.begin != range.end)
            out.push_back({word.text.substr(range.begin, range.end - range.begin), word.first && range.begin == 0});
}

/// What becomes of the matches of a pattern.
enum class Behavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

struct Split {
    Pattern pattern;
    Behavior behavior = Behavior::isolated;
    bool invert = false;  ///< what lies between the matches counts as the matches

    void operator()(const Word& word, std::vector<Word>& out) const {
        struct Stretch {
            Range range;
            bool match;
        };
        std::vector<Stretch> stretches;
        std::size_t rest = 0;
        pattern.for_each_match(word.text, [&](std::size_t begin, std::size_t end) {
            if (rest != begin) stretches.push_back({{rest, begin}, invert});
            stretches.push_back({{begin, end}, !invert});
            rest = end;
        });
        if (rest != word.text.size()) stretches.push_back({{rest, word.text.size()}, invert});
        const bool backwards = behavior == Behavior::merged_with_next;
        if (backwards) std::reverse(stretches.begin(), stretches.end());
        std::vector<Range> ranges;
        bool after_match = false;
        for (const auto& [range, match] : stretches) {
            if (behavior == Behavior::removed && match) continue;
            const bool joins = behavior == Behavior::contiguous ? match == after_match
                               : behavior == Behavior::merged_with_previous || backwards ? match && !after_match
                                                                                         : false;
            after_match = match;
            if (!joins || ranges.empty())
                ranges.push_back(range);
            else if (backwards)
                ranges.back().begin = range.begin;
            else
                ranges.back().end = range.end;
        }
        if (backwards) std::reverse(ranges.begin(), ranges.end());
        append_ranges(word, ranges, out);
    }
};

/// Words by a pattern, then every byte as a character of the byte alphabet.
struct ByteLevel {
    bool add_prefix_space = true;
    std::optional<Regex> pattern{};  ///< nothing: one word

    void operator()(Word word, std::vector<Word>& out) const {
        if (add_prefix_space && !word.text.starts_with(' ')) word.text.insert(0, 1, ' ');
        std::vector<Word> words;
        if (pattern)
            Split{Pattern(*pattern)}(word, words);
        else
            words.push_back(std::move(word));
        for (Word& part : words) out.push_back({to_byte_alphabet(part.text), part.first});
    }
};

enum class Prepend { always, first, never };

/// Spaces become `replacement`; one is put in front; a word may begin with each.
struct Metaspace {
    std::string replacement = "\u2581";
    Prepend prepend = Prepend::always;
    bool split = true;

    void operator()(Word word, std::vector<Word>& out) const {
        std::string text;
        for (const char byte : word.text) {
            if (byte == ' ')
                text += replacement;
            else
                text += byte;
        }
        const bool wanted = prepend == Prepend::always || (prepend == Prepend::first && word.first);
        word.text = (wanted && !text.starts_with(replacement) ? replacement : std::string()) + text;
        if (split)
            Split{Pattern(replacement), Behavior::merged_with_next}(word, out);
        else
            out.push_back(std::move(word));
    }
};

using Step = std::variant<ByteLevel, Split, Metaspace>;

inline Split split_from(const Fields& fields) {
    const std::string name = fields.text("behavior");
    const std::pair<std::string_view, Behavior> known[]{{"Isolated", Behavior::isolated},
                                                        {"Removed", Behavior::removed},
                                                        {"MergedWithPrevious", Behavior::merged_with_previous},
                                                        {"MergedWithNext", Behavior::merged_with_next},
                                                        {"Contiguous", Behavior::contiguous}};
    for (const auto& [text, behavior] : known)
        if (text == name) return {Pattern::from(fields.required_object("pattern")), behavior, fields.flag("invert", false)};
    throw error(errc::unsupported, message(fields.where("behavior"), ' ', detail::quote(name), " is not supported"));
}

inline ByteLevel byte_level_from(const Fields& fields) {
    ByteLevel out{fields.flag("add_prefix_space", true)};
    if (fields.flag("use_regex", true)) out.pattern.emplace(gpt2_pattern, fields.where());
    return out;
}

/// "replacement" of Metaspace, one character.
inline std::string metaspace_replacement(const Fields& fields) {
    std::string text = fields.text("replacement", "\u2581");
    if (!text.empty() && utf8_step(text, 0).bytes == text.size()) return text;
    throw error(errc::bad_value, message(fields.where("replacement"), ": expected one character, found ", detail::quote(text)));
}
inline Prepend metaspace_prepend(const Fields& fields) {
    // Older files know only add_prefix_space.
    const std::string name = fields.text("prepend_scheme", fields.flag("add_prefix_space", true) ? "always" : "never");
    if (name == "always") return Prepend::always;
    if (name == "first") return Prepend::first;
    if (name == "never") return Prepend::never;
    throw error(errc::unsupported, message(fields.where("prepend_scheme"), ' ', detail::quote(name), " is not supported"));
}

}  // namespace pre_tokenizer

/// The steps in order, each on every word of the one before; without steps, the text is one word.
class PreTokenizer {
public:
    PreTokenizer() = default;
    explicit PreTokenizer(std::vector<pre_tokenizer::Step> steps) : steps_(std::move(steps)) {}

    /// "pre_tokenizer" of tokenizer.json.
    ///
    /// Errors  errc::unsupported "<file>: pre_tokenizer.type "BertPreTokenizer" is not supported; known: ...", and
    ///         those of Fields and Regex
    static PreTokenizer from(const Fields& document) {
        std::vector<pre_tokenizer::Step> steps;
        for (const Fields& step : document.steps("pre_tokenizer", "pretokenizers")) {
            const std::string type = step.text("type");
            if (type == "ByteLevel")
                steps.emplace_back(pre_tokenizer::byte_level_from(step));
            else if (type == "Split")
                steps.emplace_back(pre_tokenizer::split_from(step));
            else if (type == "Metaspace")
                steps.emplace_back(pre_tokenizer::Metaspace{pre_tokenizer::metaspace_replacement(step),
                                                            pre_tokenizer::metaspace_prepend(step), step.flag("split", true)});
            else
                step.refuse_type("ByteLevel, Metaspace, Split, Sequence");
        }
        return PreTokenizer(std::move(steps));
    }

    /// The words of a text that is UTF-8; none is empty.
    std::vector<Word> operator()(Word text) const {
        std::vector<Word> words;
        if (text.text.empty()) return words;
        words.push_back(std::move(text));
        for (const pre_tokenizer::Step& step : steps_) {
            std::vector<Word> next;
            for (Word& word : words) std::visit([&](const auto& cut) { cut(std::move(word), next); }, step);
            words = std::move(next);
        }
        return words;
    }

private:
    std::vector<pre_tokenizer::Step> steps_;
};

}  // namespace bitnet::inline BITNET_ABI
