/// What a model learns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/model/architecture.hpp>
#include <bitnet/model/model_weights.hpp>

namespace bitnet::inline BITNET_ABI {

/// One tensor and the gradient of the loss with respect to it; outputs are rows, whatever the file has. A vector is one row.
template <class T>
struct Parameter {
    TensorSpec spec{};
    Matrix<T> value{};
    Matrix<T> gradient{};
    bool learns = true;  ///< false: nobody wants its gradient

    std::span<T> values() { return {value.data(), value.rows() * value.cols()}; }
    std::span<T> gradients() { return {gradient.data(), gradient.rows() * gradient.cols()}; }
};

/// The tensors of a model by their canonical names, in the order of its forward pass.
template <class T>
class Parameters {
public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    Parameters() = default;
    /// All zero.
    Parameters(const ModelConfig& config, bool tied_head) {
        for (TensorSpec& spec : expected_tensors(config)) {
            if (spec.role == TensorRole::lm_head && tied_head) continue;
            const MatrixShape shape = matrix_shape(spec.shape);
            const bool turned = spec.transposed;
            all_.push_back({std::move(spec), Matrix<T>(turned ? shape.cols : shape.rows, turned ? shape.rows : shape.cols), {}});
        }
    }

    void add(Parameter<T> one) { all_.push_back(std::move(one)); }
    std::size_t size() const noexcept { return all_.size(); }
    Parameter<T>& operator[](std::size_t i) { return all_[i]; }
    const Parameter<T>& operator[](std::size_t i) const { return all_[i]; }
    auto begin() { return all_.begin(); }
    auto end() { return all_.end(); }
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }

    /// Its index, or `none`.
    std::size_t find(std::string_view name) const {
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (all_[i].spec.name == name) return i;
        return none;
    }
    /// Numbers in all of them.
    std::size_t count() const {
        std::size_t sum = 0;
        for (const Parameter<T>& one : all_) sum += one.value.values().size();
        return sum;
    }
    /// Before what adds to them. A model that only predicts has none, nor has what does not learn.
    void zero_gradients(unsigned threads = 1) {
        parallel_for(all_.size(), 1, threads, [&](std::size_t i, std::size_t) {
            Parameter<T>& one = all_[i];
            if (!one.learns)
                one.gradient = {};
            else if (one.gradient.rows() == 0)
                one.gradient = Matrix<T>(one.value.rows(), one.value.cols());
            else
                std::ranges::fill(one.gradients(), T(0));
        });
    }

private:
    std::vector<Parameter<T>> all_{};
};

/// The weights of a model directory, dense or packed, to learn from there.
/// Errors  those of ModelWeights; errc::not_finite naming directory, tensor and flat index
template <class T>
Parameters<T> read_parameters(const ModelWeights& weights, Execution run) {
    Parameters<T> out(weights.config(), weights.tied_head());
    for (Parameter<T>& one : out) {
        const Matrix<float> read = weights.oriented(one.spec.name, run);  // a table may have more rows than the configuration says
        const auto bad = std::ranges::find_if_not(read.values(), [](float value) { return is_finite(value); });
        if (bad != read.values().end())
            throw error(errc::not_finite, message(weights.path().string(), ": tensor ", detail::quote(one.spec.name), ": the weight at index ",
                                                  bad - read.values().begin(), " is not finite"));
        one.value = Matrix<T>(read.rows(), read.cols(), {read.values().begin(), read.values().end()});
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
