/// The names of the control tokens, from the small files beside a tokenizer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <bitnet/io/json_value.hpp>
#include <bitnet/text/fields.hpp>

namespace bitnet::inline BITNET_ABI {

/// The text of "bos_token" and the like: a string, an object with "content", or nothing for null and absence.
///
/// Errors  errc::bad_value for anything else
inline std::optional<std::string> special_token(const Fields& fields, std::string_view key) {
    const Json* value = fields.find(key);
    if (value == nullptr) return std::nullopt;
    return value->is_object() ? fields.required_object(key).text("content") : value->as_string(fields.where(key));
}

/// The same out of tokenizer_config.json, where null says that there is none, else out of special_tokens_map.json.
/// Either file may be absent. The flag says whether one of them decides.
inline std::pair<std::optional<std::string>, bool> special_token(const std::optional<Fields>& config,
                                                                 const std::optional<Fields>& map, std::string_view key) {
    for (const std::optional<Fields>* file : {&config, &map})
        if (*file && (*file)->json().find(key) != nullptr) return {special_token(**file, key), true};
    return {std::nullopt, false};
}

}  // namespace bitnet::inline BITNET_ABI
