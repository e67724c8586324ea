/// Momentum whose matrices are made nearly orthogonal.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/lane_sum.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// U·S'·Vᵀ for m = U·S·Vᵀ: five Newton–Schulz steps with a quintic that is steep at 0 and therefore does not converge to 1.
/// Singular values above |m|/660 end between 0.68 and 1.21, smaller ones below.
///
///     X = m / (|m| + 1e-7)      five times: A = X·Xᵀ, X = 3.4445·X + (-4.7750·A + 2.0315·A·A)·X
///
/// The products are taken on the shorter side, XᵀX when m has more rows than columns. A matrix of zeros stays one.
///
/// Shapes  m: (rows, cols) -> as large; 10·k²·n + 5·k³ multiplications, k the shorter side, n the longer one
/// Source  Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
inline Matrix<float> newton_schulz(Matrix<float> m) {
    constexpr float linear = 3.4445f, cubic = -4.7750f, quintic = 2.0315f;
    const bool tall = m.rows() > m.cols();
    const std::size_t shorter = tall ? m.cols() : m.rows();
    const std::span<float> values(m.data(), m.rows() * m.cols());
    const double square = lane_sum<double>(values.size(), [&](std::size_t i) {
        return static_cast<double>(values[i]) * static_cast<double>(values[i]);
    });
    const auto factor = static_cast<float>(1.0 / (std::sqrt(square) + 1e-7));
    for (float& value : values) value *= factor;
    Matrix<float> next(m.rows(), m.cols()), gram(shorter, shorter), polynomial(shorter, shorter);
    for (int step = 0; step < 5; ++step) {
        if (tall)
            matmul_tn<float>(m, m, gram);
        else
            matmul_nt<float>(m, m, gram);
        polynomial = gram;
        matmul_nn<float>(gram, gram, polynomial, quintic, cubic);
        for (std::size_t i = 0; i < shorter; ++i) polynomial(i, i) += linear;
        if (tall)
            matmul_nn<float>(m, polynomial, next);
        else
            matmul_nn<float>(polynomial, m, next);
        std::swap(m, next);
    }
    return m;
}

/// Muon for the matrices of the blocks, AdamW for everything else.
///
///     B = momentum·B + g      M = g + momentum·B      X = newton_schulz(M)
///     w = w·(1 - lr·weight_decay) - lr·sqrt(max(1, rows/cols))·X          of a block matrix, rows its outputs
///     AdamW{beta1, beta2, epsilon, weight_decay} with lr·rest_rate       of any other tensor
///
/// A step's size does not shrink with the gradient's: its elements have a root mean square of about
/// lr·sqrt(max(1, rows/cols) / max(rows, cols)), so the schedule must end low. An update runs on the calling thread;
/// tensors are independent of each other.
///
/// Shapes  w, g: rows·cols values, row-major; the state holds as many floats for a block matrix, AdamW's for the rest
/// Knobs   momentum, beta1, beta2 in [0, 1), weight_decay in [0, 1], rest_rate in [0, 1000], epsilon in (0, 1]
/// Source  Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
struct Muon {
    static constexpr Role role = Role::optimizer;
    static constexpr std::string_view name = "muon";
    float momentum = 0.95f;
    float weight_decay = 0.0f;
    float rest_rate = 0.06f;  // 0.05 for the blocks and 3e-3 for the rest, the rates that worked in trials
    float beta1 = 0.9f;
    float beta2 = 0.95f;
    float epsilon = 1e-8f;
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"momentum", &Muon::momentum, 0.0f, 0.9999f},
              Knob{"weight_decay", &Muon::weight_decay, 0.0f, 1.0f},
              Knob{"rest_rate", &Muon::rest_rate, 0.0f, 1000.0f},
              Knob{"beta1", &Muon::beta1, 0.0f, 0.999999f},
              Knob{"beta2", &Muon::beta2, 0.0f, 0.999999f},
              Knob{"epsilon", &Muon::epsilon, 1e-30f, 1.0f});
    }

    /// The buffers of one tensor; what a checkpoint saves.
    struct State {
        explicit State(const ParameterShape& of)
            : shape(of), buffer(of.block_matrix ? of.size() : 0, 0.0f), rest(of.block_matrix ? 0 : of.size()) {}
        ParameterShape shape;
        std::vector<float> buffer;  // B of a block matrix
        AdamW::State rest;          // of any other tensor

        static void each_field(auto& state, auto&& f) {
            if (state.shape.block_matrix)
                f("buffer", state.buffer);
            else
                bitnet::each_field(state.rest, f);
        }
    };

    void update(std::span<float> w, std::span<const float> g, State& state, float learning_rate) const {
        if (!state.shape.block_matrix) {
            const AdamW adam{.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon, .weight_decay = weight_decay};
            return adam.update(w, g, state.rest, learning_rate * rest_rate);
        }
        if (w.empty()) return;
        Matrix<float> direction(state.shape.rows, state.shape.cols);
        float* const nesterov = direction.data();
        for (std::size_t i = 0; i < g.size(); ++i) {
            const float velocity = momentum * state.buffer[i] + g[i];
            state.buffer[i] = velocity;
            nesterov[i] = g[i] + momentum * velocity;
        }
        direction = newton_schulz(std::move(direction));
        const double shape = static_cast<double>(state.shape.rows) / static_cast<double>(state.shape.cols);
        const float rate = learning_rate * static_cast<float>(std::sqrt(std::max(1.0, shape)));
        const float decay = 1.0f - learning_rate * weight_decay;
        const float* const step = direction.data();
        for (std::size_t i = 0; i < w.size(); ++i) w[i] = w[i] * decay - rate * step[i];
    }
    bool operator==(const Muon&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::optimizer
