/// JSON values: what io/json.hpp reads and writes.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

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
/// Integers that fit std::int64_t are held as such, larger ones as std::uint64_t; everything with a fraction or an
/// exponent, and integers that no 64 bits can hold, as double. Two values are equal when kind and content are: 1
/// differs from 1.0, and the order of keys counts.
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
        if (const auto* integer = std::get_if<std::int64_t>(&value_); integer && *integer >= 0)
            return static_cast<std::uint64_t>(*integer);
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
    friend class detail::JsonReader;  // has searched for repeated keys already when it makes an object

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

/// Null, a flag or an integer as JSON writes it.
inline std::string integer_text(const Json& value) {
    if (value.is_null()) return "null";
    if (value.is_bool()) return message(value.as_bool());
    return value.as_double() < 0 ? message(value.as_integer()) : message(value.as_unsigned());
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
    return holds<double>() ? detail::double_text(as_double()) : detail::integer_text(*this);
}

}  // namespace bitnet::inline BITNET_ABI
