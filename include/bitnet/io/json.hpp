/// JSON documents: a strict reader and a writer. The only file that includes simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <simdjson.h>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/io/mapped_file.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::size_t json_depth_limit = 64;
inline constexpr std::size_t json_file_limit = 100'000'000;

namespace detail {

class JsonWriter {
public:
    explicit JsonWriter(int indent) : indent_(indent) {}

    void write(const Json& value) {
        if (value.is_string())
            write_string(value.as_string());
        else if (value.is_array())
            write_list('[', value.as_array(), ']', [this](const Json& item) { write(item); });
        else if (value.is_object())
            write_list('{', value.as_object(), '}', [this](const Json::Member& member) {
                write_string(member.first);
                text += indent_ < 0 ? ":" : ": ";
                write(member.second);
            });
        else if (value.is_number() && !value.is_integer())
            write_double(value.as_double());
        else
            text += integer_text(value);
    }

    std::string text;

private:
    void write_double(double value) {
        if (!is_finite(value)) throw error(errc::bad_value, message("JSON has no number for ", value));
        text += double_text(value);
    }
    void write_string(std::string_view value) {
        if (!simdjson::validate_utf8(value.data(), value.size()))
            throw error(errc::bad_value, message("JSON text must be UTF-8, found ", quote(value)));
        append_quoted(text, value);
    }
    template <class List, class WriteItem>
    void write_list(char open, const List& list, char close, const WriteItem& write_item) {
        text += open;
        ++depth_;
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (i != 0) text += ',';
            new_line();
            write_item(list[i]);
        }
        --depth_;
        if (!list.empty()) new_line();
        text += close;
    }
    void new_line() {
        if (indent_ < 0) return;
        text += '\n';
        text.append(static_cast<std::size_t>(indent_) * depth_, ' ');
    }

    int indent_;
    std::size_t depth_ = 0;
};

struct JsonPlace;

/// Copies simdjson's document into ours, whole, and refuses the repeated keys that simdjson tolerates.
class JsonReader {
public:
    explicit JsonReader(std::string_view file) : file_(file) {}

    Json read(const simdjson::dom::element& element, std::size_t depth = 0, const JsonPlace* place = nullptr);

private:
    Json read_object(const simdjson::dom::object& object, std::size_t depth, const JsonPlace* place);
    Json read_array(const simdjson::dom::array& array, std::size_t depth, const JsonPlace* place);
    void check_depth(std::size_t depth) const {
        if (depth > json_depth_limit)
            throw error(errc::bad_file, message(file_, ": nested deeper than ", json_depth_limit));
    }

    std::string_view file_;
};

/// Where a value stands in the document; a chain on the stack, made into words only for an error.
struct JsonPlace {
    const JsonPlace* outer;
    std::string_view key;  ///< without data when the place is in an array
    std::size_t index = 0;
};

inline std::string path_of(const JsonPlace* place) {
    if (place == nullptr) return {};
    std::string out = path_of(place->outer);
    if (place->key.data() == nullptr) return out + message('[', place->index, ']');
    return out + message(out.empty() ? "" : ".", place->key);
}

inline Json JsonReader::read_object(const simdjson::dom::object& object, std::size_t depth, const JsonPlace* place) {
    check_depth(depth);
    Json::Object members;
    members.reserve(object.size());
    for (const auto& [key, value] : object) {
        const JsonPlace inner{place, key};
        members.emplace_back(key, read(value, depth, &inner));
    }
    if (const auto twice = repeated_key(members)) {
        const JsonPlace inner{place, *twice};
        throw error(errc::bad_file, message(file_, ": repeated key ", quote(path_of(&inner))));
    }
    Json out;
    out.value_.emplace<Json::Object>(std::move(members));
    return out;
}

inline Json JsonReader::read_array(const simdjson::dom::array& array, std::size_t depth, const JsonPlace* place) {
    check_depth(depth);
    Json::Array items;
    items.reserve(array.size());
    for (const auto& item : array) {
        const JsonPlace inner{place, {}, items.size()};
        items.push_back(read(item, depth, &inner));
    }
    return Json::array(std::move(items));
}

inline Json JsonReader::read(const simdjson::dom::element& element, std::size_t depth, const JsonPlace* place) {
    using simdjson::dom::element_type;
    switch (element.type()) {
        case element_type::OBJECT: return read_object(element.get_object().value_unsafe(), depth + 1, place);
        case element_type::ARRAY: return read_array(element.get_array().value_unsafe(), depth + 1, place);
        case element_type::STRING: return element.get_string().value_unsafe();
        case element_type::INT64: return element.get_int64().value_unsafe();
        case element_type::UINT64: return element.get_uint64().value_unsafe();
        case element_type::DOUBLE: return element.get_double().value_unsafe();
        case element_type::BOOL: return element.get_bool().value_unsafe();
        case element_type::NULL_VALUE: break;
    }
    return {};
}

/// The text with ".0" behind every integer that 64 bits cannot hold, which simdjson refuses. They do occur: 10^30 is
/// what tokenizer_config.json says for "no limit".
inline std::string widen_integers(std::string_view text) {
    constexpr std::string_view digits = "0123456789";
    std::string out;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i + 1;
        if (in_string && text[i] == '\\')
            end = std::min(i + 2, text.size());
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && digits.find(text[i]) != digits.npos)
            end = std::min(text.find_first_not_of("0123456789.eE+-", i), text.size());
        const std::string_view piece = text.substr(i, end - i);
        out += piece;
        std::uint64_t value = 0;
        const bool negative = i != 0 && text[i - 1] == '-';
        const auto [stop, failure] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
        if (piece.size() >= 19 && stop == piece.data() + piece.size() &&
            (failure == std::errc::result_out_of_range || (negative && value > std::uint64_t{1} << 63)))
            out += ".0";
        i = end;
    }
    return out;
}

}  // namespace detail

/// The document as text: indented by `indent` spaces a level, or on one line without spaces when indent < 0.
///
/// A double is written in its shortest form that reads back as the same double: 10000.0, 1e-06.
/// Errors  errc::bad_value for NaN and Inf, which JSON has no word for, and for strings that are not UTF-8
inline std::string to_text(const Json& value, int indent = 2) {
    detail::JsonWriter writer(indent);
    writer.write(value);
    return std::move(writer.text);
}

/// The one document in `text`, all of it checked; a UTF-8 byte order mark before it is skipped.
///
/// Errors  errc::bad_file, beginning with `file`: not JSON (with simdjson's reason), text after the document, a key
///         repeated in an object (named by its path, "a.b[2].c"), or nested deeper than json_depth_limit
inline Json parse_json(std::string_view text, std::string_view file) {
    if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    simdjson::error_code failure = parser.parse(simdjson::padded_string(text)).get(root);
    if (failure != simdjson::SUCCESS)
        if (const std::string widened = detail::widen_integers(text); widened.size() != text.size())
            failure = parser.parse(simdjson::padded_string(widened)).get(root);
    if (failure == simdjson::DEPTH_ERROR)
        throw error(errc::bad_file, message(file, ": nested deeper than ", json_depth_limit));
    if (failure != simdjson::SUCCESS)
        throw error(errc::bad_file, message(file, ": not JSON: ", simdjson::error_message(failure)));
    return detail::JsonReader(file).read(root);
}

/// The document in a file of at most json_file_limit bytes.
///
/// Errors  as parse_json and MappedFile; errc::bad_file for a larger file
inline Json read_json_file(const std::filesystem::path& path) {
    const MappedFile file(path);
    const std::size_t size = file.bytes().size();
    if (size > json_file_limit)
        throw error(errc::bad_file,
                    message(path.string(), ": ", size, " bytes, but JSON is read up to ", json_file_limit));
    return parse_json({reinterpret_cast<const char*>(file.bytes().data()), size}, path.string());
}

}  // namespace bitnet::inline BITNET_ABI
