/// GPT-2: LayerNorm before each block, learned positions, weights stored as (inputs, outputs).
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/model/architecture/description.hpp>

namespace bitnet::inline BITNET_ABI::architecture {

/// Each size has a name of GPT-2's own, and the one that other families use; either may stand in the file.
inline void configure_gpt2(const ConfigReader& keys, ModelConfig& config) {
    const std::string_view width = keys.first_of("n_embd", "hidden_size");
    const std::string_view heads = keys.first_of("n_head", "num_attention_heads");
    config.vocab_size = keys.count("vocab_size", 50257);
    config.hidden_size = keys.count(width, 768);
    config.layers = keys.layers(keys.first_of("n_layer", "num_hidden_layers"), 12);
    config.heads = keys.count(heads, 12);
    config.kv_heads = config.heads;
    config.max_positions = keys.count(keys.first_of("n_positions", "max_position_embeddings"), 1024);
    config.intermediate_size = keys.nullable_count("n_inner", std::nullopt).value_or(4 * config.hidden_size);
    config.norm_eps = keys.positive("layer_norm_epsilon", 1e-5);
    config.activation = keys.activation("activation_function", "gelu_new");
    config.tied_head = keys.flag("tie_word_embeddings", true);
    config.qkv_bias = config.attention_output_bias = config.mlp_bias = true;
    config.scale_attention = keys.flag("scale_attn_weights", true);
    config.scale_attention_by_layer = keys.flag("scale_attn_by_inverse_layer_idx", false);
    if (config.hidden_size % config.heads != 0)
        throw error(errc::bad_value, message(keys.where(width), " = ", config.hidden_size, " is not a multiple of ",
                                             heads, " = ", config.heads));
    config.head_dim = config.hidden_size / config.heads;
    if (keys.flag("add_cross_attention", false))
        throw error(errc::unsupported, message(keys.where("add_cross_attention"), " is not supported"));
}

namespace detail {

/// Appends weight and bias of a Conv1D, y = x·W + b with W (in, out).
inline void add_conv1d(std::vector<TensorSpec>& specs, const std::string& name, TensorRole role, std::size_t in,
                       std::size_t out, std::string_view extents, std::string_view bias_extents) {
    specs.push_back({name + ".weight", role, {in, out}, extents, true});
    specs.push_back({name + ".bias", TensorRole::bias, {out}, bias_extents});
}

/// The bias of a LayerNorm is part of the norm.
inline void add_layer_norm(std::vector<TensorSpec>& specs, const std::string& name, std::size_t size) {
    for (const std::string_view part : {".weight", ".bias"})
        specs.push_back({message(name, part), TensorRole::norm, {size}, "(n_embd)"});
}

}  // namespace detail

inline std::vector<TensorSpec> gpt2_tensors(const ModelConfig& config) {
    using detail::add_conv1d, detail::add_layer_norm;
    const std::size_t n = config.hidden_size, wide = config.intermediate_size;
    const std::size_t qkv = checked_product(3, n, "3 x n_embd");
    std::vector<TensorSpec> specs;
    specs.push_back({"wte.weight", TensorRole::token_embedding, {config.vocab_size, n}, "(vocab_size, n_embd)"});
    specs.push_back({"wpe.weight", TensorRole::position_embedding, {config.max_positions, n}, "(n_positions, n_embd)"});
    for (std::size_t i = 0; i < config.layers; ++i) {
        const std::string block = message("h.", i, ".");
        add_layer_norm(specs, block + "ln_1", n);
        add_conv1d(specs, block + "attn.c_attn", TensorRole::attention, n, qkv, "(n_embd, 3·n_embd)", "(3·n_embd)");
        add_conv1d(specs, block + "attn.c_proj", TensorRole::attention, n, n, "(n_embd, n_embd)", "(n_embd)");
        add_layer_norm(specs, block + "ln_2", n);
        add_conv1d(specs, block + "mlp.c_fc", TensorRole::feed_forward, n, wide, "(n_embd, n_inner)", "(n_inner)");
        add_conv1d(specs, block + "mlp.c_proj", TensorRole::feed_forward, wide, n, "(n_inner, n_embd)", "(n_embd)");
    }
    add_layer_norm(specs, "ln_f", n);
    specs.push_back({std::string(lm_head_name), TensorRole::lm_head, {config.vocab_size, n}, "(vocab_size, n_embd)",
                     false, config.tied_head});
    return specs;
}

inline constexpr PartNames gpt2_parts{.layer = "h.#.",
                                      .attention_norm = "ln_1",
                                      .qkv = {"attn.c_attn", "", ""},
                                      .attention_sub_norm = "",
                                      .attention_output = "attn.c_proj",
                                      .mlp_norm = "ln_2",
                                      .gate = "",
                                      .up = "mlp.c_fc",
                                      .mlp_sub_norm = "",
                                      .down = "mlp.c_proj",
                                      .position_embedding = "wpe.weight",
                                      .final_norm = "ln_f"};

/// Published files name tensors "h.0.ln_1.weight", those saved by the language-model class
/// "transformer.h.0.ln_1.weight". The causal masks of old files are called attn.bias but are no biases.
inline constexpr Architecture gpt2{.name = "gpt2",
                                   .class_name = "GPT2LMHeadModel",
                                   .model_type = "gpt2",
                                   .optional_prefix = "transformer.",
                                   .token_embedding = "wte.weight",
                                   .parts = gpt2_parts,
                                   .buffers = {"h.*.attn.bias", "h.*.attn.masked_bias"},
                                   .configure = configure_gpt2,
                                   .tensors = gpt2_tensors};

}  // namespace bitnet::inline BITNET_ABI::architecture
