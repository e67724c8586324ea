/// How much a model's predictions suffer from each way to store each of its matrices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/calibrate/allocation.hpp>
#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/train/evaluate.hpp>

namespace bitnet::inline BITNET_ABI {

/// One matrix, and for each way to store it its bytes and the mean KL divergence from the original's predictions when this matrix
/// alone is stored so.
struct Sensitivity {
    std::string name{};
    std::size_t parameter = 0, weights = 0;
    std::vector<StorageOption> options{};
};

/// Matrices that are wanted, in the order of the forward pass. Codes are fitted to the original's own inputs, in the basis that `options` says; divergences
/// are measured on `scored`, and add up well as long as they are small.
///
/// options: `rotate` and `seed` are read
/// Errors  those of calibrate() and evaluate()
inline std::vector<Sensitivity> measure_sensitivity(Network<float>& original, const CalibrationSet& texts,
                                                    std::span<const std::vector<std::uint32_t>> scored, std::span<const MatrixQuantizer> ways,
                                                    const std::function<bool(const Parameter<float>&)>& wanted, const CalibrationOptions& options, Execution run,
                                                    const std::function<void(const Sensitivity&)>& told = {}) {
    Network<float> network(original.config(), original.parameters(), original.kernels());
    std::vector<Sensitivity> out;
    const auto measure = [&](const Parameter<float>& one, const PreparedMoments& moments) {
        Sensitivity& found = out.emplace_back();
        found.name = one.spec.name;
        found.parameter = network.parameters().find(one.spec.name);
        found.weights = one.value.values().size();
        Matrix<float>& image = network.parameters()[found.parameter].value;
        const Matrix<float> before = image;
        const TensorView view{found.name, DType::F32, Shape{before.rows(), before.cols()}, std::as_bytes(std::span<const float>(before.values()))};
        for (const MatrixQuantizer& way : ways) {
            const TernaryPlanes made = way.compress(view, moments, run);
            put_image(made, image, run);
            found.options.push_back({made.stored_bytes(), evaluate(network, scored, {}, run.threads, &original).mean_divergence()});
        }
        image = before;
        if (told) told(found);
    };
    double damping = 0;
    for (const MatrixQuantizer& way : ways) damping = std::max(damping, way.feedback_damping);
    const std::vector<Batch> batches = texts.batches();
    TextStreams streams(original, batches);
    for (std::size_t layer = 0; layer < original.config().layers; ++layer) {
        for (const Stage stage : stages) {
            std::vector<std::size_t> matrices = original.stage_parameters(layer, stage);
            std::erase_if(matrices, [&](std::size_t i) { return !wanted(original.parameters()[i]); });
            if (matrices.empty()) continue;
            const Parameter<float>& first = original.parameters()[matrices[0]];
            InputMoments moments(first.value.cols());
            for (std::size_t b = 0; b < batches.size(); ++b) moments.add(streams.stage_input(b, layer, stage, run.threads).first, run.threads);
            const PreparedMoments prepared = prepare(moments, damping, first.spec.name, options.rotation(first.value.cols()));
            for (const std::size_t i : matrices) measure(original.parameters()[i], prepared);
        }
        streams.advance(layer, run.threads);
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
