/// Elements, attributes and text of a page that parsers of HTML and of XML read alike.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

/// Bytes of the character that begins the text, 0 where it is not UTF-8 or none that XML knows.
constexpr std::size_t character_size(std::string_view text) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const unsigned first = byte(0);
    if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' || first == '\r' ? 1 : 0;
    const std::size_t size = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    if (size == 0) return 0;
    unsigned code = first & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0u) != 0x80u) return 0;
        code = code << 6 | (byte(i) & 0x3fu);
    }
    const unsigned least = size == 2 ? 0x80u : size == 3 ? 0x800u : 0x10000u;
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least || code > 0x10ffff || surrogate || code == 0xfffe || code == 0xffff ? 0 : size;
}

inline constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

}  // namespace detail

/// Text as it stands in an element or between the quotes of an attribute. A byte that is no part of UTF-8, or of a
/// character that XML does not know, becomes U+FFFD.
inline std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t size = detail::character_size(text);
        const char letter = text.front();
        if (size == 0)
            out += detail::replacement;
        else if (letter == '&')
            out += "&amp;";
        else if (letter == '<')
            out += "&lt;";
        else if (letter == '>')
            out += "&gt;";
        else if (letter == '"')
            out += "&quot;";
        else if (letter == '\'')
            out += "&#39;";
        else
            out += text.substr(0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

/// Which part of a text is kept where there is no room for all of it. Names of tensors differ at their ends.
enum class Keep { start, end };

/// At most `limit` characters, and "..." in the place of what is left out.
inline std::string shortened(std::string_view text, std::size_t limit, Keep keep) {
    const auto begins = [](char letter) { return (static_cast<unsigned char>(letter) & 0xc0u) != 0x80u; };
    const auto characters = static_cast<std::size_t>(std::ranges::count_if(text, begins));
    if (characters <= limit) return std::string(text);
    std::size_t skipped = keep == Keep::start ? limit : characters - limit, at = 0;  // characters before the cut
    while (at < text.size() && (!begins(text[at]) || skipped-- > 0)) ++at;
    return keep == Keep::start ? std::string(text.substr(0, at)) + "..." : "..." + std::string(text.substr(at));
}

struct Attribute {
    std::string_view name;
    std::string value;  ///< an attribute without a value is left out
};

/// Markup in the making. What is told as text or as the value of an attribute is escaped; names of elements and of
/// attributes come from the program. What was opened is closed, at the latest by finished() and text().
class Markup {
public:
    Markup& open(std::string_view tag, std::initializer_list<Attribute> attributes = {}) {
        begin(tag, attributes);
        text_ += '>';
        open_.push_back(tag);
        return *this;
    }
    Markup& close() {
        if (open_.empty()) return *this;
        ((text_ += "</") += open_.back()) += '>';
        open_.pop_back();
        return *this;
    }
    /// An element that can hold nothing, in HTML: meta, br. In SVG any that holds nothing.
    Markup& empty(std::string_view tag, std::initializer_list<Attribute> attributes = {}) {
        begin(tag, attributes);
        text_ += "/>";
        return *this;
    }
    Markup& words(std::string_view text) {
        text_ += escaped(text);
        return *this;
    }
    Markup& element(std::string_view tag, std::string_view text, std::initializer_list<Attribute> attributes = {}) {
        return open(tag, attributes).words(text).close();
    }
    Markup& add(const Markup& other) {
        text_ += other.text();
        return *this;
    }
    /// Of the program itself, as it is: a style sheet, a line break between rows.
    Markup& verbatim(std::string_view markup) {
        text_ += markup;
        return *this;
    }
    /// With all that is open closed.
    Markup finished() const { return Markup().verbatim(text()); }
    bool is_empty() const { return text_.empty(); }
    std::string text() const {
        std::string out = text_;
        for (std::size_t i = open_.size(); i-- > 0;) ((out += "</") += open_[i]) += '>';
        return out;
    }

private:
    void begin(std::string_view tag, std::initializer_list<Attribute> attributes) {
        (text_ += '<') += tag;
        for (const Attribute& one : attributes)
            if (!one.value.empty()) (((text_ += ' ') += one.name) += "=\"") += escaped(one.value) + '"';
    }

    std::string text_;
    std::vector<std::string_view> open_;  // names are literals
};

}  // namespace bitnet::inline BITNET_ABI::report
