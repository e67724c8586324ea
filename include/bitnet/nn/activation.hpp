/// The functions between the two halves of a feed-forward block, by the names that config.json gives them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <bitnet/kernel/kernels.hpp>

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

/// x[i] = f(x[i]).
template <class T>
void activate(Activation activation, std::span<T> x, const Kernels& kernels) {
    const auto each = [x](auto f) {
        for (T& value : x) value = f(value);
    };
    switch (activation) {
        case Activation::silu:
            if constexpr (std::is_same_v<T, float>)
                return kernels.silu(x.data(), x.size());
            else
                return kernel::silu<arch::Scalar>(x.data(), x.size());
        case Activation::gelu_tanh:
            return each([](T v) {
                constexpr T slope = static_cast<T>(0.79788456080286535588);  // sqrt(2/π)
                return T(0.5) * v * (1 + std::tanh(slope * (v + static_cast<T>(0.044715) * v * v * v)));
            });
        case Activation::gelu:
            return each([](T v) { return T(0.5) * v * (1 + std::erf(v * static_cast<T>(0.70710678118654752440))); });
        case Activation::relu: return each([](T v) { return v > 0 ? v : T(0); });
        case Activation::relu2: return each([](T v) { return v > 0 ? v * v : T(0); });
    }
}

/// dx[i] = f'(x[i])·dy[i]; dx may be dy. x is what `activate` was given.
template <class T>
void activate_backward(Activation activation, std::span<const T> x, std::span<const T> dy, std::span<T> dx) {
    const auto each = [&](auto slope) {
        for (std::size_t i = 0; i < x.size(); ++i) dx[i] = dy[i] * slope(x[i]);
    };
    switch (activation) {
        case Activation::silu:
            return each([](T v) {
                const T s = 1 / (1 + exponential(-v));
                return s * (1 + v * (1 - s));
            });
        case Activation::gelu_tanh:
            return each([](T v) {
                constexpr T slope = static_cast<T>(0.79788456080286535588), cubic = static_cast<T>(0.044715);
                const T h = std::tanh(slope * (v + cubic * v * v * v));
                return T(0.5) * (1 + h) + T(0.5) * v * (1 - h * h) * slope * (1 + 3 * cubic * v * v);
            });
        case Activation::gelu:
            return each([](T v) {
                constexpr T root = static_cast<T>(0.70710678118654752440);     // 1/sqrt 2
                constexpr T density = static_cast<T>(0.39894228040143267794);  // 1/sqrt 2π
                return T(0.5) * (1 + std::erf(v * root)) + v * density * std::exp(T(-0.5) * v * v);
            });
        case Activation::relu: return each([](T v) { return static_cast<T>(v > 0); });
        case Activation::relu2: return each([](T v) { return v > 0 ? 2 * v : T(0); });
    }
}

/// out[i] = f(x[i]).
template <class T>
void activate(Activation activation, std::span<const T> x, std::span<T> out, const Kernels& kernels) {
    std::ranges::copy(x, out.begin());
    activate(activation, out, kernels);
}

/// out[i] = f(gate[i])·up[i].
template <class T>
void activate_gated(Activation activation, std::span<const T> gate, std::span<const T> up, std::span<T> out, const Kernels& kernels) {
    activate(activation, gate, out, kernels);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] *= up[i];
}

/// slope: in, the gradient of f(gate)·up; out, that of up.  dgate: out, that of gate.  work: room for as many numbers
template <class T>
void activate_gated_backward(Activation activation, std::span<const T> gate, std::span<const T> up, std::span<T> slope, std::span<T> dgate,
                             std::span<T> work, const Kernels& kernels) {
    for (std::size_t i = 0; i < up.size(); ++i) dgate[i] = slope[i] * up[i];
    activate_backward<T>(activation, gate, dgate, dgate);
    activate_gated<T>(activation, gate, slope, work, kernels);
    std::ranges::copy(work, slope.begin());
}

}  // namespace bitnet::inline BITNET_ABI
