/// Stochastic gradient descent with momentum.
#pragma once

#include <vector>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// Momentum as PyTorch defines it.
///
///     g' = g + weight_decay·w      b = momentum·b + g' (the first step: b = g')      w -= lr·b
///
/// Shapes  w, g: n values; the state holds n floats
/// Knobs   momentum in [0, 1), weight_decay in [0, 1]; the learning rate comes with each step, schedules own it
/// Source  Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", section 2
struct Sgd {
    static constexpr Role role = Role::optimizer;
    static constexpr std::string_view name = "sgd";
    float momentum = 0.0f;
    float weight_decay = 0.0f;
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"momentum", &Sgd::momentum, 0.0f, 0.9999f},
              Knob{"weight_decay", &Sgd::weight_decay, 0.0f, 1.0f});
    }

    /// The buffers of one tensor; what a checkpoint saves.
    struct State {
        explicit State(std::size_t weights) : buffer(weights, 0.0f) {}
        std::vector<float> buffer;  // zeros before the first step, so that step one needs no case of its own

        static void each_field(auto& state, auto&& f) { f("buffer", state.buffer); }
    };

    void update(std::span<float> w, std::span<const float> g, State& state, float learning_rate) const {
        for (std::size_t i = 0; i < w.size(); ++i) {
            float& velocity = state.buffer[i];
            velocity = momentum * velocity + (g[i] + weight_decay * w[i]);
            w[i] -= learning_rate * velocity;
        }
    }
    bool operator==(const Sgd&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::optimizer
