/// Metrics with many values: one for each layer, or for each step of training.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include <bitnet/config/abi.hpp>
#include <bitnet/metrics/named_metrics.hpp>

namespace bitnet::inline BITNET_ABI {

/// What became of one matrix: `layer/mlp.up_proj/sparsity` and its like, with the layer's number as the step, so that a
/// matrix is a curve over the depth of the model.
struct MatrixRecord {
    std::string matrix{};     ///< the same in each layer: "mlp.up_proj"
    std::int64_t layer = 0;   ///< the step, >= 0; 0 for a matrix in no layer
    std::optional<double> relative_error{};  ///< |W' - W| / |W|
    std::optional<double> sparsity{};        ///< zeros among its codes, in [0, 1]
    std::optional<double> bits{};            ///< stored bits a weight, scales included
    std::optional<double> seconds{};         ///< that it took, with its calibration
    std::optional<double> output_error{};    ///< of its outputs, as calibration left it

    std::string group() const { return "layer/" + matrix + "/"; }
    static constexpr auto metrics = std::tuple{NamedMetric{"relative_error", &MatrixRecord::relative_error},
                                               NamedMetric{"sparsity", &MatrixRecord::sparsity},
                                               NamedMetric{"bits", &MatrixRecord::bits},
                                               NamedMetric{"seconds", &MatrixRecord::seconds},
                                               NamedMetric{"output_error", &MatrixRecord::output_error}};
    bool operator==(const MatrixRecord&) const = default;
};

/// One step of training, or what was measured between two.
struct StepRecord {
    std::int64_t step = 0;  ///< done so far, >= 0
    std::optional<double> loss{}, learning_rate{}, gradient_norm{};
    std::optional<double> perplexity{};      ///< of the text that is not learned from
    std::optional<std::uint64_t> tokens{};   ///< learned from in this step

    static constexpr auto metrics = std::tuple{NamedMetric{"train/loss", &StepRecord::loss},
                                               NamedMetric{"train/learning_rate", &StepRecord::learning_rate},
                                               NamedMetric{"train/gradient_norm", &StepRecord::gradient_norm},
                                               NamedMetric{"train/perplexity", &StepRecord::perplexity},
                                               NamedMetric{"train/tokens", &StepRecord::tokens}};
    bool operator==(const StepRecord&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI
