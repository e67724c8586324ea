/// What config.json says about a model, with every default filled in.
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <bitnet/core/dtype.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/nn/activation.hpp>
#include <bitnet/model/rope_config.hpp>

namespace bitnet::inline BITNET_ABI {

/// One decoder-only language model. All sizes are at least 1; kv_heads divides heads.
struct ModelConfig {
    std::string architecture;  ///< name in the registry of architecture.hpp: "llama", "gpt2", ...
    std::string class_name;    ///< as architectures[0] names it: "LlamaForCausalLM"

    std::size_t vocab_size = 0;
    std::size_t hidden_size = 0;
    std::size_t intermediate_size = 0;
    std::size_t layers = 0;
    std::size_t heads = 0;
    std::size_t kv_heads = 0;       ///< query head h reads key/value head h / (heads / kv_heads)
    std::size_t head_dim = 0;       ///< not always hidden_size / heads
    std::size_t max_positions = 0;

    bool tied_head = false;  ///< what the configuration says; ModelDir::tied_head() is what the files hold
    bool qkv_bias = false;
    bool attention_output_bias = false;
    bool mlp_bias = false;
    double norm_eps = 0;  ///< of RMSNorm, of LayerNorm in GPT-2
    Activation activation = Activation::silu;

    std::optional<RopeConfig> rope;              ///< none: learned position embeddings
    std::optional<std::size_t> sliding_window;   ///< keys that a query sees, itself included
    std::vector<bool> sliding_layers;            ///< which layers slide; empty: all, where there is a window
    bool scale_attention = true;                 ///< GPT-2 can leave out 1 / sqrt(head_dim)
    bool scale_attention_by_layer = false;       ///< GPT-2 can divide scores by the layer's index + 1

    std::string quant_method;     ///< quantization_config.quant_method: "", "bitnet" or "bitnet-cpp"
    bool packed_weights = false;  ///< the files hold codes; a `bitnet` model in online mode holds plain weights
    bool scale_multiplies = false;           ///< weight = code·stored scale, and not code / stored scale; see hf_bitnet.hpp
    std::vector<std::string> dense_modules;  ///< quantization_config.modules_to_not_convert of a `bitnet` model
    std::optional<DType> dtype;   ///< what the configuration hints at; the files decide
    Json json;                    ///< everything that was read, so that unknown keys survive

    /// What the scores of a layer are multiplied with.
    double attention_scale(std::size_t layer) const {
        const double scale = scale_attention ? 1.0 / std::sqrt(static_cast<double>(head_dim)) : 1.0;
        return scale_attention_by_layer ? scale / static_cast<double>(layer + 1) : scale;
    }
    /// Keys that a query of `layer` sees, or nothing when it sees all before it.
    std::optional<std::size_t> window(std::size_t layer) const {
        const bool slides = sliding_layers.empty() || sliding_layers.at(layer);
        return slides ? sliding_window : std::nullopt;
    }
};

}  // namespace bitnet::inline BITNET_ABI
