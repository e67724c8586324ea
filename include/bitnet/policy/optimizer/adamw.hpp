/// Adam with decoupled weight decay.
#pragma once

#include <cmath>
#include <vector>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// First and second moments with bias correction; the decay acts on the weight, not on the gradient.
///
///     m = β1·m + (1-β1)·g      v = β2·v + (1-β2)·g²
///     w = w·(1 - lr·weight_decay) - lr·(m / (1-β1^t)) / (sqrt(v / (1-β2^t)) + epsilon)
///
/// Shapes  w, g: n values; the state holds 2n floats and the step count t
/// Knobs   beta1, beta2 in [0, 1), epsilon in (0, 1], weight_decay in [0, 1]; the learning rate comes with each step
/// Source  Loshchilov, Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2
struct AdamW {
    static constexpr Role role = Role::optimizer;
    static constexpr std::string_view name = "adamw";
    float beta1 = 0.9f;
    float beta2 = 0.999f;
    float epsilon = 1e-8f;
    float weight_decay = 0.0f;
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"beta1", &AdamW::beta1, 0.0f, 0.999999f},
              Knob{"beta2", &AdamW::beta2, 0.0f, 0.999999f},
              Knob{"epsilon", &AdamW::epsilon, 1e-30f, 1.0f},
              Knob{"weight_decay", &AdamW::weight_decay, 0.0f, 1.0f});
    }

    /// The buffers of one tensor; what a checkpoint saves.
    struct State {
        explicit State(std::size_t weights) : mean(weights, 0.0f), square(weights, 0.0f) {}
        std::vector<float> mean;
        std::vector<float> square;
        std::uint64_t step = 0;

        static void each_field(auto& state, auto&& f) {
            f("mean", state.mean);
            f("square", state.square);
            f("step", state.step);
        }
    };

    void update(std::span<float> w, std::span<const float> g, State& state, float learning_rate) const {
        const auto t = static_cast<double>(++state.step);
        const auto mean_correction = static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(beta1), t)));
        const auto square_correction = static_cast<float>(1.0 / (1.0 - std::pow(static_cast<double>(beta2), t)));
        const float decay = 1.0f - learning_rate * weight_decay;
        for (std::size_t i = 0; i < w.size(); ++i) {
            float& m = state.mean[i];
            float& v = state.square[i];
            m = beta1 * m + (1.0f - beta1) * g[i];
            v = beta2 * v + (1.0f - beta2) * g[i] * g[i];
            w[i] = w[i] * decay - learning_rate * (m * mean_correction) / (std::sqrt(v * square_correction) + epsilon);
        }
    }
    bool operator==(const AdamW&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::optimizer
