/// The questions that a Compressor asks, and the parts that tensors play in a model.
#pragma once

#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// Which question a policy answers. A Compressor takes at most one policy for each.
enum class Role {
    quantizer,     ///< how do weights become codes and scales?
    scale,         ///< over which weights is one scale shared, and how is it stored?
    sparsity,      ///< below which magnitude is a weight zero?
    preservation,  ///< which tensors stay, and in what precision?
    optimizer,     ///< how does a gradient change a full-precision weight?
    ste,           ///< what gradient does the full-precision weight get from the quantized one?
    layout,        ///< how are codes packed into bytes?
};

/// What a tensor is in a language model, known from the architecture and never guessed from parts of its name.
enum class TensorRole {
    token_embedding, position_embedding, norm, attention, feed_forward, convolution, lm_head, bias,
    unknown,  ///< not of the architecture: kept byte for byte
};

constexpr std::string_view to_string(TensorRole role) noexcept {
    switch (role) {
        case TensorRole::token_embedding: return "token_embedding";
        case TensorRole::position_embedding: return "position_embedding";
        case TensorRole::norm: return "norm";
        case TensorRole::attention: return "attention";
        case TensorRole::feed_forward: return "feed_forward";
        case TensorRole::convolution: return "convolution";
        case TensorRole::lm_head: return "lm_head";
        case TensorRole::bias: return "bias";
        case TensorRole::unknown: return "unknown";
    }
    return "unknown";
}

}  // namespace bitnet::inline BITNET_ABI
