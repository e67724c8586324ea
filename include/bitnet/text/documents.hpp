/// One file of text as the documents in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/mapped_file.hpp>

namespace bitnet::inline BITNET_ABI {

/// How a file is cut into documents.
enum class Split {
    none,        ///< the whole file is one
    blank_line,  ///< one or more empty lines between two; white space around each is taken off
    jsonl,       ///< one JSON object a line, of which one field is the document
};

namespace detail {

constexpr std::string_view white_space = " \t\r\n\v\f";

inline std::string_view stripped(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(white_space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

/// f(line) for each line, without its line feed.
template <class F>
void each_line(std::string_view text, F&& f) {
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        f(text.substr(begin, end - begin));
        begin = end + 1;
    }
}

inline std::vector<std::string> blank_line_documents(std::string_view text) {
    std::vector<std::string> out;
    std::string document;
    const auto finish = [&] {
        if (const std::string_view whole = stripped(document); !whole.empty()) out.emplace_back(whole);
        document.clear();
    };
    each_line(text, [&](std::string_view line) {
        if (stripped(line).empty())
            finish();
        else
            document.append(line).push_back('\n');
    });
    finish();
    return out;
}

inline std::vector<std::string> jsonl_documents(std::string_view text, std::string_view file, std::string_view field_name) {
    std::vector<std::string> out;
    std::size_t number = 0;
    each_line(text, [&](std::string_view line) {
        ++number;
        if (stripped(line).empty()) return;
        const std::string where = message(file, ":", number);
        const Json json = parse_json(line, where);
        json.as_object(where);
        const Json* const field = json.find(field_name);
        if (field == nullptr) throw error(errc::missing, message(where, ": no field \"", field_name, "\""));
        out.push_back(field->as_string(message(where, ": ", field_name)));
    });
    return out;
}

}  // namespace detail

/// The documents of a text that was read from `file`; field: of a JSON object. Empty ones are left out, but for those of JSON.
/// Errors  errc::bad_file for a line that is no JSON, errc::missing for one without the field, by file and line
inline std::vector<std::string> documents_of(std::string_view text, Split split, std::string_view file, std::string_view field = "text") {
    switch (split) {
        case Split::none: return text.empty() ? std::vector<std::string>{} : std::vector{std::string(text)};
        case Split::blank_line: return detail::blank_line_documents(text);
        case Split::jsonl: return detail::jsonl_documents(text, file, field);
    }
    throw error(errc::bad_value, "a split outside of its enumeration");
}

}  // namespace bitnet::inline BITNET_ABI
