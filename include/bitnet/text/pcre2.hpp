/// Regular expressions over Unicode text. The only file that includes PCRE2.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/text/utf8.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Rewrites a pattern in the syntax of Oniguruma, which tokenizer files are written for, into PCRE2's.
///
/// \s and \w are written out: PCRE2's \s knows U+180E as well, and its \w depends on its version. \h is a hexadecimal
/// digit there. Classes in classes and && mean something else or nothing in PCRE2 and are refused.
class PatternTranslator {
public:
    PatternTranslator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

    std::string translate() {
        for (at_ = 0; at_ < pattern_.size(); ++at_) {
            const char letter = pattern_[at_];
            if (letter == '\\' && at_ + 1 < pattern_.size())
                escape(pattern_[++at_]);
            else if (in_class_)
                in_class(letter);
            else if (letter == '[')
                open_class();
            else
                out_ += letter;
        }
        return std::move(out_);
    }

private:
    void escape(char letter) {
        static constexpr std::string_view word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
        switch (letter) {
            case 's': out_ += "\\p{White_Space}"; return;
            case 'S': out_ += "\\P{White_Space}"; return;
            case 'w': put_class(word); return;
            case 'h': put_class("0-9a-fA-F"); return;
            case 'W':
                if (in_class_) refuse("\\W in a class");
                ((out_ += "[^") += word) += ']';
                return;
            case 'H': refuse("\\H");
            default: (out_ += '\\') += letter;
        }
    }
    void put_class(std::string_view content) {
        if (in_class_)
            out_ += content;
        else
            ((out_ += '[') += content) += ']';
    }
    void open_class() {
        in_class_ = true;
        out_ += '[';
        if (next_is('^')) out_ += pattern_[++at_];
        if (next_is(']')) out_ += pattern_[++at_];  // the first one is a member
    }
    void in_class(char letter) {
        if (letter == ']') in_class_ = false;
        if (letter == '[' && !next_is(':')) refuse("a class in a class");
        if (letter == '&' && next_is('&')) refuse("&& in a class");
        out_ += letter;
        if (letter != '[') return;
        while (at_ + 1 < pattern_.size() && !next_is(']')) out_ += pattern_[++at_];  // [:name:]
        if (next_is(']')) out_ += pattern_[++at_];
    }
    bool next_is(char letter) const { return at_ + 1 < pattern_.size() && pattern_[at_ + 1] == letter; }
    [[noreturn]] void refuse(std::string_view what) const {
        throw error(errc::unsupported, message(where_, ": ", what, " is not supported, found ", quote(pattern_)));
    }

    std::string_view pattern_, where_;
    std::string out_{};
    std::size_t at_ = 0;
    bool in_class_ = false;
};

}  // namespace detail

/// A compiled pattern in Oniguruma's syntax. A value, cheap to copy; const use from several threads is safe.
///
/// Errors  errc::bad_file "<where>: not a regular expression: <reason> at byte 3, found "...""; errc::unsupported for
///         the few things that mean something else in PCRE2
class Regex {
public:
    Regex(std::string_view pattern, std::string_view where) : where_(where) {
        const std::string translated = detail::PatternTranslator(pattern, where).translate();
        int failure = 0;
        std::size_t offset = 0;
        // ^ and $ are those of lines, as in Ruby.
        constexpr std::uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
        code_.reset(pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(translated.data()), translated.size(), options, &failure,
                                    &offset, nullptr),
                    pcre2_code_free_8);
        if (!code_)
            throw error(errc::bad_file, message(where, ": not a regular expression: ", reason(failure), " at byte ", offset,
                                                ", found ", detail::quote(translated)));
        pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE);  // where it is not possible, the pattern is interpreted
    }

    /// Calls visit(begin, end) for each match from left to right; an empty match directly behind the last is none.
    /// The text is UTF-8.
    ///
    /// Errors  errc::bad_value when the pattern needs far more than linear time for this text
    template <class Visit>
    void for_each_match(std::string_view text, const Visit& visit) const {
        const Search search(text);
        std::size_t last_end = text.npos;
        for (std::size_t from = 0; from <= text.size();) {
            if (!find(search, text, from)) return;
            const auto* bounds = pcre2_get_ovector_pointer_8(search.match.get());
            const std::size_t begin = bounds[0], end = bounds[1];
            if (begin == end && last_end == end) {
                from = end + (end < text.size() ? utf8_step(text, end).bytes : 1);
                continue;
            }
            visit(begin, end);
            from = end;
            last_end = end;
        }
    }

    bool matches(std::string_view text) const { return find(Search(text), text, 0); }

private:
    /// What one search over a text needs to write to.
    struct Search {
        explicit Search(std::string_view text)
            : match(pcre2_match_data_create_8(1, nullptr), pcre2_match_data_free_8),
              limits(pcre2_match_context_create_8(nullptr), pcre2_match_context_free_8) {
            if (!match || !limits) throw std::bad_alloc();
            constexpr std::size_t most = 0xffffffff;
            // A run of n characters may be taken back one by one for every alternative, and no more than that.
            pcre2_set_match_limit_8(limits.get(), static_cast<std::uint32_t>(std::min(most, 1'000'000 + 64 * text.size())));
            pcre2_set_heap_limit_8(limits.get(), 1 << 18);  // KiB
        }
        std::unique_ptr<pcre2_match_data_8, void (*)(pcre2_match_data_8*)> match;
        std::unique_ptr<pcre2_match_context_8, void (*)(pcre2_match_context_8*)> limits;
    };

    bool find(const Search& search, std::string_view text, std::size_t from) const {
        const auto run = [&](std::uint32_t options) {
            return pcre2_match_8(code_.get(), reinterpret_cast<PCRE2_SPTR8>(text.data()), text.size(), from,
                                 PCRE2_NO_UTF_CHECK | options, search.match.get(), search.limits.get());
        };
        int found = run(0);
        if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = run(PCRE2_NO_JIT);
        if (found >= 0) return true;
        if (found == PCRE2_ERROR_NOMATCH) return false;
        throw error(errc::bad_value, message(where_, ": the pattern gives up on a text of ", text.size(),
                                             " bytes at byte ", from, ": ", reason(found)));
    }

    static std::string reason(int failure) {
        std::array<PCRE2_UCHAR8, 256> text{};
        pcre2_get_error_message_8(failure, text.data(), text.size());
        return reinterpret_cast<const char*>(text.data());
    }

    std::shared_ptr<pcre2_code_8> code_;
    std::string where_;
};

}  // namespace bitnet::inline BITNET_ABI
