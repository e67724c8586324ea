/// The parts of a decoder layer, whatever its architecture.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/model/layer_parts.hpp>
#include <bitnet/model/model_weights.hpp>
#include <bitnet/nn/half_linear.hpp>
#include <bitnet/nn/layer_norm.hpp>
#include <bitnet/nn/linear.hpp>
#include <bitnet/nn/rms_norm.hpp>
#include <bitnet/nn/ternary_linear.hpp>

namespace bitnet::inline BITNET_ABI {

/// RMSNorm, or LayerNorm where there is a bias.
struct Norm {
    std::vector<float> weight{};
    std::vector<float> bias{};
    double eps = 0;

    void forward(MatrixView<const float> x, MatrixView<float> y) const {
        if (bias.empty())
            rms_norm<float>(x, weight, eps, y);
        else
            layer_norm<float>(x, weight, bias, eps, y);
    }
};

/// A linear layer of dense weights, in 32 or in 16 bits, or of ternary ones; or the table of an embedding, which may be
/// the output layer too.
struct Projection {
    std::variant<Linear<float>, HalfLinear, TernaryLinear> linear{};

    std::size_t outputs() const {
        return std::visit([](const auto& any) { return any.outputs(); }, linear);
    }
    void forward(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        if (const auto* dense = std::get_if<Linear<float>>(&linear)) return dense->forward(x, y, run.threads);
        if (const auto* half = std::get_if<HalfLinear>(&linear)) return half->forward(x, y, run);
        std::get<TernaryLinear>(linear).forward(x, y, run);
    }
    /// Row r of the weight as floats.
    void weight_row(std::size_t r, std::span<float> out, Execution run) const {
        if (const auto* dense = std::get_if<Linear<float>>(&linear)) return dense->weight_row(r, out);
        if (const auto* half = std::get_if<HalfLinear>(&linear)) return half->weight_row(r, out, run);
        std::get<TernaryLinear>(linear).weight.dequantize_row(r, out, run);
    }
};

using DecoderLayer = LayerParts<Norm, Projection>;

/// Reads the parts of a model by their names.
class PartReader {
public:
    PartReader(const ModelWeights& weights, ActivationPrecision activations, Execution run)
        : weights_(weights), activations_(weights.hf_bitnet() ? ActivationPrecision::int8 : activations), run_(run) {
        for (const TensorSpec& spec : architecture_named(weights.config().architecture).tensors(weights.config()))
            names_.push_back(spec.name);
    }

    DecoderLayer layer(const PartNames& names, std::size_t index) const {
        return layer_parts(names, index, [this](const std::string& name) { return norm(name); },
                           [this](const std::string& name) { return projection(name); });
    }
    Norm norm(const std::string& name) const {
        return {vector(name + ".weight"), vector(name + ".bias"), weights_.config().norm_eps};
    }
    Projection projection(const std::string& name) const {
        return {with_bias(weights_.linear(name + ".weight", run_), vector(name + ".bias"), activations_)};
    }
    /// An embedding or an output layer: never a bias, nor rounded activations.
    Projection table(const std::string& name) const {
        return {with_bias(weights_.linear(name, run_), {}, ActivationPrecision::fp32)};
    }

private:
    std::variant<Linear<float>, HalfLinear, TernaryLinear> with_bias(AnyWeight weight, std::vector<float> bias,
                                                                     ActivationPrecision activations) const {
        if (auto* const dense = std::get_if<Matrix<float>>(&weight)) return Linear<float>{std::move(*dense), std::move(bias)};
        if (auto* const half = std::get_if<HalfMatrix>(&weight)) return HalfLinear{std::move(*half), std::move(bias)};
        auto& ternary = std::get<TernaryPlanes>(weight);
        if (weights_.bias_is_scaled())
            for (float& b : bias) b *= ternary.planes[0].scales[0];
        return TernaryLinear{std::move(ternary), std::move(bias), activations};
    }
    /// Empty where the architecture has no such tensor.
    std::vector<float> vector(const std::string& name) const {
        if (std::find(names_.begin(), names_.end(), name) == names_.end()) return {};
        return weights_.dense(name, run_).values();
    }

    const ModelWeights& weights_;
    ActivationPrecision activations_;
    Execution run_;
    std::vector<std::string> names_{};
};

}  // namespace bitnet::inline BITNET_ABI
