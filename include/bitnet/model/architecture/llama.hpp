/// Llama and Mistral: RMSNorm before each block, rotary positions, grouped key/value heads, a gated feed-forward.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/model/architecture/description.hpp>

namespace bitnet::inline BITNET_ABI::architecture {

/// What an absent key means. Families of one structure differ in nothing else.
struct DecoderDefaults {
    std::size_t vocab_size = 32000;
    std::size_t hidden_size = 4096;
    std::size_t intermediate_size = 11008;
    std::size_t layers = 32;
    std::size_t heads = 32;
    std::optional<std::size_t> kv_heads = {};  ///< none: as many as heads
    std::size_t max_positions = 2048;
    double norm_eps = 1e-6;
    double rope_theta = 10000;
    std::string_view activation = "silu";
};

/// Names of the parts of Llama, Mistral and Qwen2.
inline constexpr PartNames decoder_parts{.layer = "model.layers.#.",
                                         .attention_norm = "input_layernorm",
                                         .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                         .attention_sub_norm = "",
                                         .attention_output = "self_attn.o_proj",
                                         .mlp_norm = "post_attention_layernorm",
                                         .gate = "mlp.gate_proj",
                                         .up = "mlp.up_proj",
                                         .mlp_sub_norm = "",
                                         .down = "mlp.down_proj",
                                         .position_embedding = "",
                                         .final_norm = "model.norm"};

/// The keys that Llama, Mistral, Qwen2 and BitNet share. null for num_key_value_heads means one for each head,
/// which is not what the key's absence means.
inline void read_decoder(const ConfigReader& keys, const DecoderDefaults& absent, ModelConfig& config) {
    config.vocab_size = keys.count("vocab_size", absent.vocab_size);
    config.hidden_size = keys.count("hidden_size", absent.hidden_size);
    config.intermediate_size = keys.count("intermediate_size", absent.intermediate_size);
    config.layers = keys.layers("num_hidden_layers", absent.layers);
    config.heads = keys.count("num_attention_heads", absent.heads);
    config.kv_heads = keys.nullable_count("num_key_value_heads", absent.kv_heads).value_or(config.heads);
    config.max_positions = keys.count("max_position_embeddings", absent.max_positions);
    config.norm_eps = keys.positive("rms_norm_eps", absent.norm_eps);
    config.activation = keys.activation("hidden_act", absent.activation);
    config.tied_head = keys.flag("tie_word_embeddings", false);
    if (config.heads % config.kv_heads != 0)
        throw error(errc::bad_value, message(keys.where("num_attention_heads"), " = ", config.heads,
                                             " is not a multiple of num_key_value_heads = ", config.kv_heads));
    const std::optional<std::size_t> head_dim = keys.nullable_count("head_dim", std::nullopt);
    if (!head_dim && config.hidden_size % config.heads != 0)
        throw error(errc::bad_value, message(keys.where("hidden_size"), " = ", config.hidden_size,
                                             " is not a multiple of num_attention_heads = ", config.heads));
    config.head_dim = head_dim.value_or(config.hidden_size / config.heads);
    if (config.head_dim % 2 != 0)
        throw error(errc::bad_value, message(keys.where("head_dim"), " = ", config.head_dim,
                                             " is odd; rotary positions turn pairs of values"));
    config.rope = read_rope(keys, absent.rope_theta, config.max_positions);
}

namespace detail {

/// Appends weight and, where there is one, bias of the linear layer `name`.
inline void add_linear(std::vector<TensorSpec>& specs, const std::string& name, TensorRole role, std::size_t out,
                       std::size_t in, std::string_view extents, bool bias, std::string_view bias_extents) {
    specs.push_back({name + ".weight", role, {out, in}, extents});
    if (bias) specs.push_back({name + ".bias", TensorRole::bias, {out}, bias_extents});
}

inline void add_norm(std::vector<TensorSpec>& specs, std::string name, std::size_t size, std::string_view extents) {
    specs.push_back({std::move(name), TensorRole::norm, {size}, extents});
}

}  // namespace detail

/// Tensors of a decoder in the order of its forward pass; `sub_norms` adds BitNet's two.
inline std::vector<TensorSpec> decoder_tensors(const ModelConfig& config, bool sub_norms) {
    using detail::add_linear, detail::add_norm;
    const std::size_t hidden = config.hidden_size, wide = config.intermediate_size;
    const std::size_t q = checked_product(config.heads, config.head_dim, "num_attention_heads x head_dim");
    const std::size_t kv = checked_product(config.kv_heads, config.head_dim, "num_key_value_heads x head_dim");
    constexpr std::string_view kv_extents = "(num_key_value_heads·head_dim, hidden_size)";
    constexpr std::string_view kv_bias = "(num_key_value_heads·head_dim)";
    constexpr std::string_view wide_extents = "(intermediate_size, hidden_size)";
    std::vector<TensorSpec> specs;
    specs.push_back({"model.embed_tokens.weight", TensorRole::token_embedding, {config.vocab_size, hidden},
                     "(vocab_size, hidden_size)"});
    for (std::size_t i = 0; i < config.layers; ++i) {
        const std::string layer = message("model.layers.", i, ".");
        const std::string attention = layer + "self_attn.", mlp = layer + "mlp.";
        add_norm(specs, layer + "input_layernorm.weight", hidden, "(hidden_size)");
        add_linear(specs, attention + "q_proj", TensorRole::attention, q, hidden,
                   "(num_attention_heads·head_dim, hidden_size)", config.qkv_bias, "(num_attention_heads·head_dim)");
        add_linear(specs, attention + "k_proj", TensorRole::attention, kv, hidden, kv_extents, config.qkv_bias, kv_bias);
        add_linear(specs, attention + "v_proj", TensorRole::attention, kv, hidden, kv_extents, config.qkv_bias, kv_bias);
        if (sub_norms) add_norm(specs, attention + "attn_sub_norm.weight", hidden, "(hidden_size)");
        add_linear(specs, attention + "o_proj", TensorRole::attention, hidden, q,
                   "(hidden_size, num_attention_heads·head_dim)", config.attention_output_bias, "(hidden_size)");
        add_norm(specs, layer + "post_attention_layernorm.weight", hidden, "(hidden_size)");
        add_linear(specs, mlp + "gate_proj", TensorRole::feed_forward, wide, hidden, wide_extents, config.mlp_bias,
                   "(intermediate_size)");
        add_linear(specs, mlp + "up_proj", TensorRole::feed_forward, wide, hidden, wide_extents, config.mlp_bias,
                   "(intermediate_size)");
        if (sub_norms) add_norm(specs, mlp + "ffn_sub_norm.weight", wide, "(intermediate_size)");
        add_linear(specs, mlp + "down_proj", TensorRole::feed_forward, hidden, wide, "(hidden_size, intermediate_size)",
                   config.mlp_bias, "(hidden_size)");
    }
    add_norm(specs, "model.norm.weight", hidden, "(hidden_size)");
    specs.push_back({std::string(lm_head_name), TensorRole::lm_head, {config.vocab_size, hidden},
                     "(vocab_size, hidden_size)", false, config.tied_head});
    return specs;
}

inline void configure_llama(const ConfigReader& keys, ModelConfig& config) {
    read_decoder(keys, {}, config);
    config.qkv_bias = config.attention_output_bias = keys.flag("attention_bias", false);
    config.mlp_bias = keys.flag("mlp_bias", false);
}

/// Llama's structure without biases, in which every layer may see a window of the latest keys only.
inline void configure_mistral(const ConfigReader& keys, ModelConfig& config) {
    read_decoder(keys, {.intermediate_size = 14336, .kv_heads = 8, .max_positions = 131072}, config);
    config.sliding_window = keys.nullable_count("sliding_window", 4096);
}

inline std::vector<TensorSpec> llama_tensors(const ModelConfig& config) { return decoder_tensors(config, false); }

inline constexpr Architecture llama{.name = "llama",
                                    .class_name = "LlamaForCausalLM",
                                    .model_type = "llama",
                                    .optional_prefix = "",
                                    .token_embedding = "model.embed_tokens.weight",
                                    .parts = decoder_parts,
                                    .buffers = {"*.rotary_emb.inv_freq"},
                                    .configure = configure_llama,
                                    .tensors = llama_tensors};

inline constexpr Architecture mistral{.name = "mistral",
                                      .class_name = "MistralForCausalLM",
                                      .model_type = "mistral",
                                      .optional_prefix = "",
                                      .token_embedding = "model.embed_tokens.weight",
                                      .parts = decoder_parts,
                                      .buffers = {"*.rotary_emb.inv_freq"},
                                      .configure = configure_mistral,
                                      .tensors = llama_tensors};

}  // namespace bitnet::inline BITNET_ABI::architecture
