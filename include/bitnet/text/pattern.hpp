/// What a tokenizer looks for in a text: a literal string or a regular expression.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <bitnet/core/error.hpp>
#include <bitnet/text/fields.hpp>
#include <bitnet/text/pcre2.hpp>

namespace bitnet::inline BITNET_ABI {

/// {"String": "..."} or {"Regex": "..."}.
class Pattern {
public:
    explicit Pattern(std::string literal) : what_(std::move(literal)) {}
    explicit Pattern(Regex regex) : what_(std::move(regex)) {}

    /// Errors  errc::missing, errc::bad_value, and those of Regex
    static Pattern from(const Fields& fields) {
        if (fields.find("Regex") != nullptr) return Pattern(Regex(fields.text("Regex"), fields.where("Regex")));
        std::string literal = fields.text("String");
        if (literal.empty()) throw error(errc::bad_value, message(fields.where("String"), " is empty"));
        return Pattern(std::move(literal));
    }

    /// Calls visit(begin, end) for each match from left to right; matches do not overlap.
    template <class Visit>
    void for_each_match(std::string_view text, const Visit& visit) const {
        if (const Regex* regex = std::get_if<Regex>(&what_)) return regex->for_each_match(text, visit);
        const std::string& literal = std::get<std::string>(what_);
        for (std::size_t at = 0; (at = text.find(literal, at)) != text.npos; at += literal.size())
            visit(at, at + literal.size());
    }

    /// The text with `content` in the place of each match.
    ///
    /// Errors  errc::bad_value when the result would be longer than `limit` bytes
    std::string replace(std::string_view text, std::string_view content, std::size_t limit) const {
        std::string out;
        std::size_t rest = 0;
        for_each_match(text, [&](std::size_t begin, std::size_t end) {
            (out += text.substr(rest, begin - rest)) += content;
            rest = end;
            if (out.size() > limit)
                throw error(errc::bad_value, message("text: replacements make it longer than ", limit, " bytes"));
        });
        return out += text.substr(rest);
    }

private:
    std::variant<std::string, Regex> what_;
};

}  // namespace bitnet::inline BITNET_ABI
