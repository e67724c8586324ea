/// What a report looks for in the record of a compression, where anything may be missing or of another kind.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/numbers.hpp>

namespace bitnet::inline BITNET_ABI::report {

using Keys = std::initializer_list<std::string_view>;

/// The value behind keys, from the outermost on; null where one is missing, or what holds it is no object.
inline const Json* find_value(const Json& record, Keys keys) {
    const Json* at = &record;
    for (const std::string_view key : keys) {
        at = at->is_object() ? at->find(key) : nullptr;
        if (at == nullptr) return nullptr;
    }
    return at;
}

/// A number, finite or not.
inline std::optional<double> find_number(const Json& record, Keys keys) {
    const Json* const found = find_value(record, keys);
    return found != nullptr && found->is_number() ? std::optional(found->as_double()) : std::nullopt;
}

inline std::optional<bool> find_flag(const Json& record, Keys keys) {
    const Json* const found = find_value(record, keys);
    return found != nullptr && found->is_bool() ? std::optional(found->as_bool()) : std::nullopt;
}

/// Empty where there is none.
inline std::string find_text(const Json& record, Keys keys) {
    const Json* const found = find_value(record, keys);
    return found != nullptr && found->is_string() ? found->as_string() : std::string();
}

/// Of an array; empty where there is none.
inline const Json::Array& find_items(const Json& record, Keys keys) {
    static const Json::Array none;
    const Json* const found = find_value(record, keys);
    return found != nullptr && found->is_array() ? found->as_array() : none;
}

/// An array of numbers; empty where one of its items is none.
inline std::vector<double> find_numbers(const Json& record, Keys keys) {
    std::vector<double> out;
    for (const Json& item : find_items(record, keys)) {
        if (!item.is_number()) return {};
        out.push_back(item.as_double());
    }
    return out;
}

/// Of the original, on the text that the model was measured on.
inline std::optional<double> perplexity_before(const Json& record) {
    const auto measured = find_number(record, {"quality", "pre_perplexity"});
    return measured ? measured : find_number(record, {"fine_tuning", "pre_perplexity"});
}

/// Of what was delivered: as it was measured on the files, else after learning where there was some.
inline std::optional<double> perplexity_after(const Json& record) {
    if (const auto measured = find_number(record, {"quality", "post_perplexity"})) return measured;
    if (find_flag(record, {"fine_tuning", "fine_tuned"}).value_or(false))
        if (const auto best = find_number(record, {"fine_tuning", "training", "best_perplexity"})) return best;
    return find_number(record, {"fine_tuning", "post_compression_perplexity"});
}

/// One line: texts as they are, numbers with all digits, arrays and objects with their members behind each other.
inline std::string value_text(const Json& value) {
    if (value.is_string()) return value.as_string();
    if (value.is_null()) return "none";
    if (value.is_bool()) return value.as_bool() ? "yes" : "no";
    if (value.is_integer()) return bitnet::detail::integer_text(value);
    if (value.is_number()) return is_finite(value.as_double()) ? message(value.as_double()) : significant(value.as_double());
    std::string out;
    if (value.is_array())
        for (const Json& item : value.as_array()) (out += out.empty() ? "" : ", ") += value_text(item);
    else
        for (const auto& [key, member] : value.as_object()) ((out += out.empty() ? "" : ", ") += key) += ": " + value_text(member);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
