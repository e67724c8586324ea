/// Any optimizer on gradients whose slow part is amplified.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <bitnet/core/matrix.hpp>
#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// Adds an exponential moving average of the gradients to each gradient; the inner optimizer does the rest.
///
///     μ = alpha·μ + (1-alpha)·g      ĝ = g + lambda·μ      the inner optimizer's step with ĝ
///
/// μ starts at the first gradient, so the first step already has ĝ = (1 + lambda)·g; a gradient that stays the same is
/// amplified as much for ever. Optimizers that divide by the gradient's size cancel that factor; a limit on the gradient's
/// norm belongs before it, not after.
/// It remembers 1/(1-alpha) steps: in runs of a few hundred, 0.98 and 2 cost far more than they gave. lambda = 0 is the
/// inner optimizer alone.
///
/// Shapes  w, g: n values; the state holds n floats, a step count and the inner state
/// Knobs   alpha in [0, 1), lambda in [0, 100], and those of `inner`
/// Source  Lee et al. 2024, "Grokfast: Accelerated Grokking by Amplifying Slow Gradients", algorithm 2
template <OptimizerPolicy Inner>
struct Grokfast {
    static constexpr Role role = Role::optimizer;
    static constexpr std::string_view name = "grokfast";
    float alpha = 0.98f;
    float lambda = 2.0f;
    Inner inner{};
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"alpha", &Grokfast::alpha, 0.0f, 0.999999f},
              Knob{"lambda", &Grokfast::lambda, 0.0f, 100.0f},
              Nested{"inner", &Grokfast::inner});
    }

    /// The buffers of one tensor; what a checkpoint saves.
    struct State {
        explicit State(const ParameterShape& shape)
            : mu(shape.size(), 0.0f), inner(optimizer_state<Inner>(shape)) {}
        std::vector<float> mu;
        std::uint64_t step = 0;
        typename Inner::State inner;

        static void each_field(auto& state, auto&& f) requires CheckpointedState<typename Inner::State> {
            f("mu", state.mu);
            f("step", state.step);
            bitnet::each_field(state.inner, [&](std::string_view field, auto& value) {
                const std::string full = message("inner.", field);
                f(std::string_view(full), value);
            });
        }
    };

    void update(std::span<float> w, std::span<const float> g, State& state, float learning_rate) const {
        if (state.step++ == 0) std::copy(g.begin(), g.end(), state.mu.begin());
        const Scratch<float> memory(1, g.size());
        const std::span<float> amplified = memory.view().row(0);
        for (std::size_t i = 0; i < g.size(); ++i) {
            const float slow = alpha * state.mu[i] + (1.0f - alpha) * g[i];
            state.mu[i] = slow;
            amplified[i] = g[i] + lambda * slow;
        }
        inner.update(w, amplified, state.inner, learning_rate);
    }
    bool operator==(const Grokfast&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::optimizer
