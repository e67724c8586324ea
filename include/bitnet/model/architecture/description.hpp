/// The form in which an architecture is described: data, and two functions over a configuration.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/role.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/model/config_reader.hpp>
#include <bitnet/model/model_config.hpp>

namespace bitnet::inline BITNET_ABI {

/// A tensor that a model of some configuration has.
struct TensorSpec {
    std::string name;
    TensorRole role = TensorRole::unknown;
    Shape shape;                ///< as the file holds it
    std::string_view extents;   ///< the same in keys of config.json, for errors: "(vocab_size, hidden_size)"
    bool transposed = false;    ///< rows are inputs and columns output channels, as in GPT-2's Conv1D
    bool optional = false;      ///< may be absent from the file
};

/// Names of a model's parts for the forward pass; what is empty, the architecture does not have. A part of a layer stands
/// behind `layer` with the layer's number for "#"; weights and biases end in ".weight" and ".bias".
struct PartNames {
    std::string_view layer;
    std::string_view attention_norm;
    std::array<std::string_view, 3> qkv;  ///< the first alone: queries, keys and values of one product
    std::string_view attention_sub_norm;
    std::string_view attention_output;
    std::string_view mlp_norm;
    std::string_view gate;
    std::string_view up;
    std::string_view mlp_sub_norm;
    std::string_view down;
    std::string_view position_embedding;
    std::string_view final_norm;
};

/// One architecture. A new one is a file beside this one with such a value, and a line in architecture.hpp.
struct Architecture {
    std::string_view name;             ///< what ModelConfig::architecture holds, and what a user writes
    std::string_view class_name;       ///< architectures[0] in config.json
    std::string_view model_type;       ///< model_type in config.json
    std::string_view optional_prefix;  ///< in front of every name but lm_head's in some files and not in others
    std::string_view token_embedding;  ///< the tensor that a tied head shares
    PartNames parts{};
    std::array<std::string_view, 2> buffers;  ///< patterns of tensors that old files hold though they are no weights
    void (*configure)(const ConfigReader& keys, ModelConfig& config);       ///< fills all that depends on the family
    std::vector<TensorSpec> (*tensors)(const ModelConfig& config);          ///< in the order of the forward pass
};

/// The name of the output projection in every architecture, and of its weight.
inline constexpr std::string_view lm_head_name = "lm_head.weight";

}  // namespace bitnet::inline BITNET_ABI
