/// Qwen2: Llama's structure with biases on queries, keys and values, and an attention window on some layers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <bitnet/model/architecture/llama.hpp>

namespace bitnet::inline BITNET_ABI::architecture {

/// `layer_types` says for each layer whether it slides; without it those from `max_window_layers` on do.
inline void read_sliding_layers(const ConfigReader& keys, ModelConfig& config) {
    if (!keys.flag("use_sliding_window", false)) return;
    config.sliding_window = keys.nullable_count("sliding_window", 4096);
    const std::vector<std::string> types = keys.texts("layer_types");
    if (types.empty()) {
        const std::size_t first = keys.whole("max_window_layers", 28);
        for (std::size_t i = 0; i < config.layers; ++i) config.sliding_layers.push_back(i >= first);
        return;
    }
    if (types.size() != config.layers)
        throw error(errc::bad_value, message(keys.where("layer_types"), " names ", types.size(),
                                             " layers, num_hidden_layers is ", config.layers));
    for (const std::string& type : types) {
        if (type != "full_attention" && type != "sliding_attention")
            throw error(errc::unsupported, message(keys.where("layer_types"), ": ", bitnet::detail::quote(type),
                                                   " is unknown; known: full_attention, sliding_attention"));
        config.sliding_layers.push_back(type == "sliding_attention");
    }
}

inline void configure_qwen2(const ConfigReader& keys, ModelConfig& config) {
    read_decoder(keys,
                 {.vocab_size = 151936, .intermediate_size = 22016, .kv_heads = 32, .max_positions = 32768}, config);
    config.qkv_bias = true;
    read_sliding_layers(keys, config);
}

inline constexpr Architecture qwen2{.name = "qwen2",
                                    .class_name = "Qwen2ForCausalLM",
                                    .model_type = "qwen2",
                                    .optional_prefix = "",
                                    .token_embedding = "model.embed_tokens.weight",
                                    .parts = decoder_parts,
                                    .buffers = {"*.rotary_emb.inv_freq"},
                                    .configure = configure_qwen2,
                                    .tensors = llama_tensors};

}  // namespace bitnet::inline BITNET_ABI::architecture
