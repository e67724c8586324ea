/// Typed, checked access to the keys of config.json: what is absent has a default, what is wrong is named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/nn/activation.hpp>

namespace bitnet::inline BITNET_ABI {

/// No size in a configuration is larger: the product of any two fits in 64 bits.
inline constexpr std::size_t config_size_limit = 0x7fffffff;
/// Lists with an entry for each layer are made from the configuration alone, before any tensor has been seen.
inline constexpr std::size_t config_layer_limit = 10000;

/// Reads one JSON object; refers to it and owns nothing of it.
///
/// Where a function does not say otherwise, `null` is an error and not an absence.
/// Errors  errc::bad_value "<file>: <key>: expected a whole number from 1 to 2147483647, found 0" and the like
class ConfigReader {
public:
    ConfigReader(const Json& object, std::string_view file) : ConfigReader(object, message(file, ": "), 0) {}

    /// "<file>: <key>", with the names of the dictionaries around the key: the beginning of an error message.
    std::string where(std::string_view key) const { return message(prefix_, key); }

    bool empty() const { return object_->as_object(prefix_).empty(); }
    bool has(std::string_view key) const { return find(key) != nullptr; }
    bool is_null(std::string_view key) const { return has(key) && find(key)->is_null(); }
    /// The first of two names for the same thing that is there, else the first.
    std::string_view first_of(std::string_view name, std::string_view other) const {
        return !has(name) && has(other) ? other : name;
    }

    /// A size, 1 ... config_size_limit.
    std::size_t count(std::string_view key, std::size_t absent) const {
        const Json* value = find(key);
        return value == nullptr ? absent : whole_in(key, *value, 1, config_size_limit);
    }
    /// A size for which null says something other than absence does: null is returned as nothing.
    std::optional<std::size_t> nullable_count(std::string_view key, std::optional<std::size_t> absent) const {
        const Json* value = find(key);
        if (value == nullptr) return absent;
        if (value->is_null()) return std::nullopt;
        return whole_in(key, *value, 1, config_size_limit);
    }
    std::size_t required_count(std::string_view key) const {
        return whole_in(key, required(key), 1, config_size_limit);
    }
    /// A number of layers, 1 ... config_layer_limit.
    std::size_t layers(std::string_view key, std::size_t absent) const {
        const Json* value = find(key);
        return value == nullptr ? absent : whole_in(key, *value, 1, config_layer_limit);
    }
    /// 0 ... config_size_limit.
    std::size_t whole(std::string_view key, std::size_t absent) const {
        const Json* value = find(key);
        return value == nullptr ? absent : whole_in(key, *value, 0, config_size_limit);
    }

    /// A number above 0, with or without a fraction.
    double positive(std::string_view key, double absent) const { return optional_positive(key).value_or(absent); }
    double required_positive(std::string_view key) const { return positive_in(key, required(key)); }
    /// A number above 0, or nothing when it is absent or null.
    std::optional<double> optional_positive(std::string_view key) const {
        const Json* value = find(key);
        if (value == nullptr || value->is_null()) return std::nullopt;
        return positive_in(key, *value);
    }

    bool flag(std::string_view key, bool absent) const {
        const Json* value = find(key);
        return value == nullptr ? absent : value->as_bool(where(key));
    }
    std::string text(std::string_view key, std::string_view absent) const {
        const Json* value = find(key);
        return value == nullptr ? std::string(absent) : value->as_string(where(key));
    }
    /// One of these words, of which the first is what absence means.
    std::string one_of(std::string_view key, std::initializer_list<std::string_view> words) const {
        std::string value = text(key, *words.begin());
        std::string known;
        for (const std::string_view word : words) {
            if (value == word) return value;
            known += message(known.empty() ? "" : ", ", word);
        }
        throw error(errc::unsupported, message(where(key), " ", detail::quote(value), " is unknown; known: ", known));
    }
    /// A list of strings; absent and null are an empty list.
    std::vector<std::string> texts(std::string_view key) const {
        std::vector<std::string> out;
        const Json* value = find(key);
        if (value == nullptr || value->is_null()) return out;
        for (const Json& item : value->as_array(where(key))) out.push_back(item.as_string(where(key)));
        return out;
    }
    Activation activation(std::string_view key, std::string_view absent) const {
        const std::string name = text(key, absent);
        if (const std::optional<Activation> known = activation_named(name)) return *known;
        std::string names;
        for (const ActivationName& row : activation_names) names += message(names.empty() ? "" : ", ", row.name);
        throw error(errc::unsupported, message(where(key), " ", detail::quote(name), " is unknown; known: ", names));
    }
    /// A dictionary inside this one, or nothing when it is absent or null.
    std::optional<ConfigReader> dictionary(std::string_view key) const {
        const Json* value = find(key);
        if (value == nullptr || value->is_null()) return std::nullopt;
        value->as_object(where(key));
        return ConfigReader(*value, message(prefix_, key, "."), 0);
    }

private:
    ConfigReader(const Json& object, std::string prefix, int) : object_(&object), prefix_(std::move(prefix)) {}

    const Json* find(std::string_view key) const { return object_->find(key, prefix_); }
    const Json& required(std::string_view key) const {
        if (const Json* value = find(key)) return *value;
        throw error(errc::missing, message(where(key), " is missing"));
    }
    std::size_t whole_in(std::string_view key, const Json& value, std::size_t least, std::size_t most) const {
        if (value.is_integer() && value.as_double() >= static_cast<double>(least) &&
            value.as_double() <= static_cast<double>(most))
            return static_cast<std::size_t>(value.as_unsigned());
        throw error(errc::bad_value, message(where(key), ": expected a whole number from ", least, " to ", most,
                                             ", found ", value.description()));
    }
    double positive_in(std::string_view key, const Json& value) const {
        if (value.is_number() && value.as_double() > 0) return value.as_double();
        throw error(errc::bad_value,
                    message(where(key), ": expected a number above 0, found ", value.description()));
    }

    const Json* object_;
    std::string prefix_;  ///< "<file>: " and the names of the dictionaries around this one
};

}  // namespace bitnet::inline BITNET_ABI
