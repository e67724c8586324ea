/// BitNet b1.58: Llama's structure with squared ReLU and a norm in front of each output projection.
/// Source  Ma et al. 2025, "BitNet b1.58 2B4T Technical Report", section 2
#pragma once

#include <vector>

#include <bitnet/model/architecture/llama.hpp>

namespace bitnet::inline BITNET_ABI::architecture {

inline void configure_bitnet(const ConfigReader& keys, ModelConfig& config) {
    read_decoder(keys,
                 {.vocab_size = 128256,
                  .hidden_size = 2560,
                  .intermediate_size = 6912,
                  .layers = 30,
                  .heads = 20,
                  .kv_heads = 5,
                  .norm_eps = 1e-5,
                  .rope_theta = 500000,
                  .activation = "relu2"},
                 config);
    config.qkv_bias = config.attention_output_bias = keys.flag("attention_bias", false);
    // attn_sub_norm has hidden_size weights and normalises the concatenated heads.
    if (checked_product(config.heads, config.head_dim, "num_attention_heads x head_dim") != config.hidden_size)
        throw error(errc::bad_value, message(keys.where("head_dim"), " = ", config.head_dim, " times ", config.heads,
                                             " heads is not hidden_size = ", config.hidden_size));
}

inline std::vector<TensorSpec> bitnet_tensors(const ModelConfig& config) { return decoder_tensors(config, true); }

inline constexpr PartNames bitnet_parts = [] {
    PartNames parts = decoder_parts;
    parts.attention_sub_norm = "self_attn.attn_sub_norm";
    parts.mlp_sub_norm = "mlp.ffn_sub_norm";
    return parts;
}();

inline constexpr Architecture bitnet_b158{.name = "bitnet",
                                          .class_name = "BitNetForCausalLM",
                                          .model_type = "bitnet",
                                          .optional_prefix = "",
                                          .token_embedding = "model.embed_tokens.weight",
                                          .parts = bitnet_parts,
                                          .buffers = {"*.rotary_emb.inv_freq"},
                                          .configure = configure_bitnet,
                                          .tensors = bitnet_tensors};

}  // namespace bitnet::inline BITNET_ABI::architecture
