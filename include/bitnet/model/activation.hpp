/// The functions between the two halves of a feed-forward block, by the names that config.json gives them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

enum class Activation {
    silu,       ///< x / (1 + e^-x)
    gelu_tanh,  ///< 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))
    gelu,       ///< 0.5 x (1 + erf(x / sqrt 2)), which differs from gelu_tanh by up to 5e-4
    relu,       ///< max(x, 0)
    relu2,      ///< max(x, 0)²
};

struct ActivationName {
    std::string_view name;
    Activation activation;
};

inline constexpr std::array activation_names{
    ActivationName{"silu", Activation::silu},          ActivationName{"swish", Activation::silu},
    ActivationName{"gelu_new", Activation::gelu_tanh}, ActivationName{"gelu_pytorch_tanh", Activation::gelu_tanh},
    ActivationName{"gelu", Activation::gelu},          ActivationName{"relu", Activation::relu},
    ActivationName{"relu2", Activation::relu2}};

constexpr std::optional<Activation> activation_named(std::string_view name) noexcept {
    for (const ActivationName& row : activation_names)
        if (row.name == name) return row.activation;
    return std::nullopt;
}

}  // namespace bitnet::inline BITNET_ABI
