/// JSON documents: values, a strict reader and a writer. The only file that includes simdjson.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include <simdjson.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/mapped_file.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::size_t json_depth_limit = 64;
inline constexpr std::size_t json_file_limit = 100'000'000;

namespace detail {

class JsonReader;

/// The text in quotes as JSON writes it: `"`, `\` and control characters escaped, all other bytes as they are.
inline void append_quoted(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::string_view letters = "\"\\\b\f\n\r\t";
    constexpr std::string_view escapes = "\"\\bfnrt";
    out += '"';
    for (const char letter : text) {
        const auto code = static_cast<unsigned char>(letter);
        if (code >= 0x20 && letter != '"' && letter != '\\')
            out += letter;
        else if (const auto at = letters.find(letter); at != letters.npos)
            (out += '\\') += escapes[at];
        else
            ((out += "\\u00") += hex[code >> 4]) += hex[code & 15];
    }
    out += '"';
}

/// For error messages: one line, and not longer than a line should be.
inline std::string quote(std::string_view text) {
    constexpr std::size_t limit = 200;
    std::string out;
    if (text.size() <= limit) return append_quoted(out, text), out;
    std::size_t kept = limit;
    while (kept > limit - 4 && (static_cast<unsigned char>(text[kept]) & 0xc0u) == 0x80u) --kept;  // whole characters
    append_quoted(out, text.substr(0, kept));
    return out + "...";
}

}  // namespace detail

/// A JSON value. Objects keep the order of their keys, and a key stands in an object once.
///
/// Integers that fit std::int64_t are held as such, larger ones as std::uint64_t, everything with a fraction or an
/// exponent, and integers that no 64 bits can hold, as double. Two values are equal when kind and content are: 1 differs from 1.0, and the order of keys
/// counts.
class Json {
public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;  ///< null
    Json(std::nullptr_t) {}
    template <std::same_as<bool> Bool>  // a template, or every pointer would become a bool
    Json(Bool value) : value_(std::in_place_type<bool>, value) {}
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
    Json(Integer value) {
        if (std::in_range<std::int64_t>(value))
            value_.emplace<std::int64_t>(static_cast<std::int64_t>(value));
        else
            value_.emplace<std::uint64_t>(static_cast<std::uint64_t>(value));
    }
    template <std::floating_point Float>
    Json(Float value) : value_(std::in_place_type<double>, static_cast<double>(value)) {}
    Json(const char* text) : Json(std::string(text)) {}
    Json(std::string_view text) : Json(std::string(text)) {}
    Json(std::string text) : value_(std::in_place_type<std::string>, std::move(text)) {}

    /// Json::array({1, "two", nullptr})
    static Json array(Array items = {}) {
        Json out;
        out.value_.emplace<Array>(std::move(items));
        return out;
    }
    static Json array(std::initializer_list<Json> items) { return array(Array(items)); }
    /// Json::object({{"a", 1}, {"b", Json::array({2, 3})}}). A repeated key is errc::bad_value.
    static Json object(Object members = {});
    static Json object(std::initializer_list<Member> members) { return object(Object(members)); }

    bool is_null() const { return holds<std::monostate>(); }
    bool is_bool() const { return holds<bool>(); }
    bool is_integer() const { return holds<std::int64_t>() || holds<std::uint64_t>(); }
    bool is_number() const { return is_integer() || holds<double>(); }
    bool is_string() const { return holds<std::string>(); }
    bool is_array() const { return holds<Array>(); }
    bool is_object() const { return holds<Object>(); }

    /// Typed access. Another kind of value is errc::bad_value: "<what>: expected a string, found 3".
    bool as_bool(std::string_view what = "value") const { return get<bool>(what, "true or false"); }
    std::int64_t as_integer(std::string_view what = "value") const {
        return get<std::int64_t>(what, "an integer below 2^63");
    }
    std::uint64_t as_unsigned(std::string_view what = "value") const {
        if (const auto* small = std::get_if<std::int64_t>(&value_); small && *small >= 0)
            return static_cast<std::uint64_t>(*small);
        return get<std::uint64_t>(what, "an unsigned integer");
    }
    /// Of any number; integers beyond 2^53 are rounded.
    double as_double(std::string_view what = "value") const {
        if (const auto* integer = std::get_if<std::int64_t>(&value_)) return static_cast<double>(*integer);
        if (const auto* large = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*large);
        return get<double>(what, "a number");
    }
    const std::string& as_string(std::string_view what = "value") const { return get<std::string>(what, "a string"); }
    const Array& as_array(std::string_view what = "value") const { return get<Array>(what, "an array"); }
    const Object& as_object(std::string_view what = "value") const { return get<Object>(what, "an object"); }

    /// The value of a key, or null when this is an object without it. Searches from the front: to visit all members
    /// of a large object, loop over as_object().
    const Json* find(std::string_view key, std::string_view what = "value") const {
        for (const auto& [name, value] : as_object(what))
            if (name == key) return &value;
        return nullptr;
    }
    Json* find(std::string_view key, std::string_view what = "value") {
        return const_cast<Json*>(std::as_const(*this).find(key, what));
    }
    /// The value of a key; errc::missing names the key when it is not there.
    const Json& at(std::string_view key, std::string_view what = "value") const {
        if (const Json* found = find(key, what)) return *found;
        throw error(errc::missing, message(what, ": no key ", detail::quote(key)));
    }

    /// Gives a key of an object a new value in its old place, or appends it.
    Json& set(std::string_view key, Json value) {
        if (Json* found = find(key))
            *found = std::move(value);
        else
            std::get<Object>(value_).emplace_back(std::string(key), std::move(value));
        return *this;
    }
    /// Appends to an array.
    Json& push_back(Json value) {
        as_array();
        std::get<Array>(value_).push_back(std::move(value));
        return *this;
    }

    /// What an error message says of this value: "null", "3", "\"text\"", "an array of 2", "an object".
    std::string description() const;

    friend bool operator==(const Json& a, const Json& b) { return a.value_ == b.value_; }

private:
    friend detail::JsonReader;  // has searched for repeated keys already when it makes an object

    template <class T>
    bool holds() const {
        return std::holds_alternative<T>(value_);
    }
    template <class T>
    const T& get(std::string_view what, std::string_view expected) const {
        if (const T* value = std::get_if<T>(&value_)) return *value;
        throw error(errc::bad_value, message(what, ": expected ", expected, ", found ", description()));
    }

    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

namespace detail {

/// A key that stands in the object more than once.
inline std::optional<std::string_view> repeated_key(const Json::Object& members) {
    if (members.size() < 2) return std::nullopt;
    std::vector<std::string_view> keys;
    keys.reserve(members.size());
    for (const auto& member : members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    return twice == keys.end() ? std::nullopt : std::optional(*twice);
}

/// Shortest digits that read back equal, and never those of an integer.
inline std::string double_text(double value) {
    std::string out = message(value);
    if (out.find_first_of(".en") == out.npos) out += ".0";  // "n" of nan and inf
    return out;
}

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
        else
            write_scalar(value);
    }

    std::string text;

private:
    void write_scalar(const Json& value) {
        if (value.is_null())
            text += "null";
        else if (value.is_bool())
            text += message(value.as_bool());
        else if (!value.is_integer())
            write_double(value.as_double());
        else
            text += value.as_double() < 0 ? message(value.as_integer()) : message(value.as_unsigned());
    }
    void write_double(double value) {
        // Exponent bits: under the including program's -ffast-math, std::isfinite is always true.
        if ((std::bit_cast<std::uint64_t>(value) & 0x7ff0000000000000u) == 0x7ff0000000000000u)
            throw error(errc::bad_value, message("JSON has no number for ", value));
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

inline Json Json::object(Object members) {
    if (const auto twice = detail::repeated_key(members))
        throw error(errc::bad_value, message("repeated key ", detail::quote(*twice)));
    Json out;
    out.value_.emplace<Object>(std::move(members));
    return out;
}

inline std::string Json::description() const {
    if (is_array()) return message("an array of ", as_array().size());
    if (is_object()) return "an object";
    if (is_string()) return detail::quote(as_string());
    if (holds<double>()) return detail::double_text(as_double());  // also NaN, which to_text refuses
    detail::JsonWriter writer(-1);
    writer.write(*this);
    return writer.text;
}

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
