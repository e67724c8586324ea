/// Whether a model can go on learning: a real backward pass, held against finite differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/train/loss.hpp>
#include <bitnet/train/network.hpp>

namespace bitnet::inline BITNET_ABI {

struct GradientFlowOptions {
    std::size_t texts = 2;
    std::size_t tokens = 24;            ///< of each text, 2 or more; random ids
    std::size_t samples = 4;            ///< weights of each tensor that are moved; 0: none
    double step = 1e-4;                 ///< by how much
    double largest_difference = 1e-4;   ///< between gradient and difference, as a share of the larger of both
    std::uint64_t seed = 0;
};

/// What became of one tensor.
struct GradientOfTensor {
    std::string name{};
    double norm = 0, largest = 0;  ///< of its gradient
    double difference = 0;         ///< the worst of its samples
    std::string fault{};           ///< nothing where all is well
};

struct GradientFlow {
    double loss = 0;
    std::vector<GradientOfTensor> tensors{};

    bool passed() const { return error().empty(); }
    /// The first fault, with the tensor's name.
    std::string error() const {
        for (const GradientOfTensor& tensor : tensors)
            if (!tensor.fault.empty()) return message("tensor ", detail::quote(tensor.name), ": ", tensor.fault);
        return {};
    }
};

inline Json to_json(const GradientFlow& flow) {
    Json::Array tensors;
    for (const GradientOfTensor& tensor : flow.tensors) {
        Json line = Json::object({{"name", tensor.name}, {"norm", tensor.norm}, {"largest", tensor.largest}, {"difference", tensor.difference}});
        if (!tensor.fault.empty()) line.set("fault", tensor.fault);
        tensors.push_back(std::move(line));
    }
    return Json::object({{"passed", flow.passed()}, {"error", flow.error()}, {"loss", flow.loss}, {"tensors", Json::array(std::move(tensors))}});
}

namespace detail {

/// A network, a batch, and the buffers of a pass.
class FlowProbe {
public:
    FlowProbe(const ModelConfig& config, const Parameters<float>& weights, const GradientFlowOptions& options, unsigned threads)
        : network_(config, widened(weights), *execution<arch::Scalar>().kernels),  // doubles use none of them
          batch_(random_batch(config, options)), threads_(threads),
          tape_(config, batch_.ids.size(), Keep::everything), work_(network_.vocabulary()),
          hidden_(batch_.ids.size(), config.hidden_size), back_(batch_.ids.size(), config.hidden_size) {}

    Network<double>& network() { return network_; }
    /// Mean cross entropy of the batch.
    double loss() {
        network_.forward(batch_, tape_, hidden_, threads_);
        return head().mean();
    }
    /// The same, and all gradients.
    double backward() {
        network_.parameters().zero_gradients();
        const double mean = loss();
        network_.backward(batch_, tape_, back_, threads_);
        return mean;
    }

private:
    static Parameters<double> widened(const Parameters<float>& weights) {
        Parameters<double> out;
        for (const Parameter<float>& one : weights)
            out.add({one.spec, Matrix<double>(one.value.rows(), one.value.cols(), {one.value.values().begin(), one.value.values().end()}), {}});
        out.zero_gradients();
        return out;
    }
    static Batch random_batch(const ModelConfig& config, const GradientFlowOptions& options) {
        Random random(mix64(options.seed));
        Batch out;
        for (std::size_t i = 0; i < options.texts; ++i) {
            std::vector<std::uint32_t> ids(std::min(options.tokens, config.max_positions));
            for (std::uint32_t& id : ids) id = static_cast<std::uint32_t>(random.below(config.vocab_size));
            out.add(ids);
        }
        return out;
    }
    Loss head() {
        return head_loss<double>(network_, hidden_, nullptr, {}, batch_, {.targets = 1}, 1.0 / static_cast<double>(batch_.scored()),
                                 work_, back_, threads_);
    }

    Network<double> network_;
    Batch batch_;
    unsigned threads_;
    Tape<double> tape_;
    LossWork<double> work_;
    Matrix<double> hidden_, back_;
};

/// Moves some weights whose gradients are among the larger ones, to and fro; the worst relative difference.
inline double worst_difference(FlowProbe& probe, std::size_t index, std::span<const double> gradient, double largest,
                               const GradientFlowOptions& options, Random& random) {
    double worst = 0;
    const std::span<double> values = probe.network().parameters()[index].values();
    for (std::size_t sample = 0; sample < options.samples; ++sample) {
        std::size_t place = static_cast<std::size_t>(random.below(values.size()));
        while (std::abs(gradient[place]) < 0.01 * largest) place = (place + 1) % values.size();
        const double kept = values[place];
        values[place] = kept + options.step;
        const double above = probe.loss();
        values[place] = kept - options.step;
        const double slope = (above - probe.loss()) / (2 * options.step);
        values[place] = kept;
        worst = std::max(worst, std::abs(slope - gradient[place]) / std::max(std::abs(slope), std::abs(gradient[place])));
    }
    return worst;
}

}  // namespace detail

/// A backward pass of the mean cross entropy of random ids through dense weights, in double: each tensor's gradient must be
/// finite, not all zero, and what central differences of some of its weights are.
///
/// The weights are taken as they are: no rounding stands between them and the loss, so differences exist. Of a bias that all
/// keys share the gradient is rightly nothing, because softmax forgets it.
/// Errors  errc::bad_value for fewer than two tokens
inline GradientFlow gradient_flow(const ModelConfig& config, const Parameters<float>& weights, const GradientFlowOptions& options,
                                  unsigned threads) {
    if (options.tokens < 2 || options.texts == 0)
        throw error(errc::bad_value, message(options.texts, " texts of ", options.tokens, " tokens: one of two is the least"));
    detail::FlowProbe probe(config, weights, options, threads);
    GradientFlow out;
    out.loss = probe.backward();
    std::vector<std::vector<double>> gradients;  // copies: each look at the loss adds to the head's
    for (const Parameter<double>& one : probe.network().parameters()) gradients.push_back(one.gradient.values());
    Random random(mix64(options.seed + 1));
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::vector<double>& gradient = gradients[i];
        GradientOfTensor tensor{.name = weights[i].spec.name};
        double squares = 0;
        for (const double value : gradient) {
            squares += value * value;
            tensor.largest = std::max(tensor.largest, std::abs(value));
        }
        tensor.norm = std::sqrt(squares);
        if (!is_finite(squares))
            tensor.fault = "its gradient is not finite";
        else if (tensor.name.ends_with("k_proj.bias"))
            ;
        else if (tensor.largest == 0)
            tensor.fault = "its gradient is zero";
        else if ((tensor.difference = detail::worst_difference(probe, i, gradient, tensor.largest, options, random)) > options.largest_difference)
            tensor.fault = message("its gradient and central differences are ", tensor.difference, " apart");
        out.tensors.push_back(std::move(tensor));
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
