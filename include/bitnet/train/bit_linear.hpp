/// A linear layer that rounds weights and inputs on the way forward, and neither on the way back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/rows.hpp>
#include <bitnet/nn/linear.hpp>
#include <bitnet/nn/round_activations.hpp>
#include <bitnet/train/ternary_weight.hpp>

namespace bitnet::inline BITNET_ABI {

/// Straight-through on both sides:
///
///     y = x̂·Ŵᵀ + b        dx = dy·Ŵ        dW += (dyᵀ·x̂) ⊙ slope(W, α)        db += Σ_t dy
///
/// x, dx: (T, C)    W, dW, Ŵ: (O, C)    b, db: (O) or none    y, dy: (T, O)        T tokens, C inputs, O outputs
/// x̂ is x in 8 bits per token, Ŵ what the compressor's policies make of W, dW's slope that of its estimator. Gradients are
/// added to, until zero_gradients(). A layer of a model of one's own; Network and Trainer do the same for whole transformers.
/// Source  Ma et al. 2024, "The Era of 1-bit LLMs", section 2; Wang et al. 2023, "BitNet", section 2.2
template <class Compressor>
class BitLinear {
public:
    /// Begins with the weights of a dense layer. `name` stands in errors.
    /// Errors  errc::not_finite naming layer and index; errc::bad_shape for a bias that is not one number an output
    BitLinear(std::string name, Linear<float> dense, Compressor compressor, Execution run = execution())
        : compressor_(std::move(compressor)), bias_(std::move(dense.bias)), dbias_(bias_.size()),
          image_(dense.outputs(), dense.inputs()), dweight_(dense.outputs(), dense.inputs()),
          weight_(std::move(name), std::move(dense.weight), compressor_, run) {
        if (!bias_.empty() && bias_.size() != outputs())
            throw error(errc::bad_shape, message(weight_.name(), ": a bias of ", bias_.size(), " numbers for ", outputs(), " outputs"));
    }

    const std::string& name() const noexcept { return weight_.name(); }
    std::size_t inputs() const { return image_.cols(); }
    std::size_t outputs() const { return image_.rows(); }
    const Compressor& compressor() const noexcept { return compressor_; }

    /// How much of the rounding weights and inputs get, in [0, 1]; whoever trains through a progressive estimator sets it to
    /// compressor().ste().blend(progress) in front of each step.
    float share = 1;

    /// W in full precision, weight().latent(), and b: for an optimizer. Where the estimator learns scales, they and the latest
    /// backward's gradients of them are there too.
    TernaryWeight<Compressor>& weight() noexcept { return weight_; }
    std::span<float> bias() noexcept { return bias_; }
    std::span<const float> weight_gradient() const noexcept { return dweight_.values(); }
    std::span<const float> bias_gradient() const noexcept { return dbias_; }
    void zero_gradients() {
        std::fill_n(dweight_.data(), dweight_.values().size(), 0.0f);
        std::ranges::fill(dbias_, 0.0f);
    }

    /// Errors  errc::not_finite naming layer and index, when a weight has become so
    void forward(MatrixView<const float> x, MatrixView<float> y, Execution run = execution()) {
        weight_.image(compressor_, share, image_, run);
        x_hat_ = Matrix<float>(x.rows, x.cols);
        copy_rows(x, x_hat_.view(), run.threads);
        round_activations(x_hat_.view(), share);
        multiply_nt<float>(x_hat_.view(), image_.view(), y, run.threads);
        add_bias<float>(bias_, y);
    }
    /// Of the latest forward.
    void backward(MatrixView<const float> dy, MatrixView<float> dx, Execution run = execution()) {
        Matrix<float> dimage(outputs(), inputs());
        linear_backward_weight<float>(dy, x_hat_.view(), dimage.view(), run.threads);
        weight_.backward(compressor_, dimage, run.threads);
        for (std::size_t i = 0; i < dweight_.values().size(); ++i) dweight_.data()[i] += dimage.values()[i];
        if (!bias_.empty()) linear_backward_bias<float>(dy, std::span<float>(dbias_));
        linear_backward_input<float>(dy, image_.view(), dx, 0.0f, run.threads);
    }

    /// Codes and scales as W is now.
    TernaryPlanes packed(Execution run = execution()) {
        Matrix<float> unused(outputs(), inputs());
        weight_.image(compressor_, 1, unused, run);
        return weight_.packed(compressor_, run);
    }

private:
    Compressor compressor_;
    std::vector<float> bias_, dbias_;
    Matrix<float> image_;  ///< Ŵ of the latest forward
    Matrix<float> dweight_;
    TernaryWeight<Compressor> weight_;
    Matrix<float> x_hat_{};
};

}  // namespace bitnet::inline BITNET_ABI
