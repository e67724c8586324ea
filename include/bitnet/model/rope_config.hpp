/// How a model turns positions into rotation angles, as config.json says it in any of its dialects.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <bitnet/core/error.hpp>
#include <bitnet/model/config_reader.hpp>

namespace bitnet::inline BITNET_ABI {

enum class RopeKind { standard, linear, dynamic, llama3, yarn };

/// Frequencies f_j = theta^(-2j/d), j = 0 ... d/2 - 1, and how `kind` changes them for long texts.
///
/// Members that `kind` does not name keep their defaults. Formulas stand where they are used, in the forward pass.
struct RopeConfig {
    RopeKind kind = RopeKind::standard;
    double theta = 10000;
    double factor = 1;                       ///< linear, dynamic, llama3, yarn
    std::size_t original_max_positions = 0;  ///< llama3, yarn
    double low_freq_factor = 1;              ///< llama3
    double high_freq_factor = 4;             ///< llama3
    double beta_fast = 32;                   ///< yarn, as all below
    double beta_slow = 1;
    bool truncate = true;
    std::optional<double> attention_factor = {};
    std::optional<double> mscale = {};
    std::optional<double> mscale_all_dim = {};
    bool operator==(const RopeConfig&) const = default;
};

namespace detail {

inline void read_rope_kind(const ConfigReader& keys, std::string_view type, std::size_t max_positions,
                           RopeConfig& rope) {
    if (type == "default") return;
    if (type == "linear") {
        rope.kind = RopeKind::linear;
    } else if (type == "dynamic") {
        rope.kind = RopeKind::dynamic;
    } else if (type == "llama3") {
        rope.kind = RopeKind::llama3;
        rope.low_freq_factor = keys.required_positive("low_freq_factor");
        rope.high_freq_factor = keys.required_positive("high_freq_factor");
        rope.original_max_positions = keys.required_count("original_max_position_embeddings");
        if (rope.low_freq_factor >= rope.high_freq_factor)
            throw error(errc::bad_value, message(keys.where("low_freq_factor"), " = ", rope.low_freq_factor,
                                                 " is not below high_freq_factor = ", rope.high_freq_factor));
    } else if (type == "yarn") {
        rope.kind = RopeKind::yarn;
        rope.original_max_positions = keys.count("original_max_position_embeddings", max_positions);
        rope.beta_fast = keys.positive("beta_fast", rope.beta_fast);
        rope.beta_slow = keys.positive("beta_slow", rope.beta_slow);
        rope.truncate = keys.flag("truncate", true);
        rope.attention_factor = keys.optional_positive("attention_factor");
        rope.mscale = keys.optional_positive("mscale");
        rope.mscale_all_dim = keys.optional_positive("mscale_all_dim");
    } else {
        throw error(errc::unsupported, message(keys.where("rope_type"), " ", detail::quote(type),
                                               " is unknown; known: default, linear, dynamic, llama3, yarn"));
    }
    rope.factor = keys.required_positive("factor");
}

}  // namespace detail

/// Reads `rope_scaling` (up to transformers 4), `rope_parameters` (from 5 on; rope_scaling wins where both are given)
/// and the top-level `rope_theta`. theta comes from the dictionary, then from the top level, then `default_theta`.
///
/// Errors  errc::unsupported for an unknown type, for frequencies by layer type and for a partial rotation;
///         errc::missing for a key that the type needs; errc::bad_value for a value out of its range
inline RopeConfig read_rope(const ConfigReader& config, double default_theta, std::size_t max_positions) {
    RopeConfig rope;
    rope.theta = config.positive("rope_theta", default_theta);
    const auto require_whole = [](const ConfigReader& keys) {
        if (keys.optional_positive("partial_rotary_factor").value_or(1.0) != 1.0)
            throw error(errc::unsupported,
                        message(keys.where("partial_rotary_factor"), " other than 1 is not supported"));
    };
    require_whole(config);
    for (const std::string_view name : {"rope_scaling", "rope_parameters"}) {
        const std::optional<ConfigReader> keys = config.dictionary(name);
        if (!keys || keys->empty()) continue;
        for (const std::string_view layer_type : {"full_attention", "sliding_attention"})
            if (keys->has(layer_type))
                throw error(errc::unsupported, message(keys->where(layer_type),
                                                       ": rotations that differ by layer are not supported"));
        require_whole(*keys);
        rope.theta = keys->positive("rope_theta", rope.theta);
        detail::read_rope_kind(*keys, keys->text("rope_type", keys->text("type", "default")), max_positions, rope);
        break;
    }
    return rope;
}

}  // namespace bitnet::inline BITNET_ABI
