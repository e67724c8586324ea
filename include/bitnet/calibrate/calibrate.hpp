/// A network whose matrices become ternary one after the other, each fitted to what the ones before it have become.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/calibrate/compress.hpp>
#include <bitnet/train/network.hpp>
#include <bitnet/train/ternary_weight.hpp>

namespace bitnet::inline BITNET_ABI {

/// What a matrix is to do on the inputs that it is given in the compressed model.
enum class Target {
    own,       ///< what it did itself
    original,  ///< what it did in the original model, on the original's inputs
    stream,    ///< the same, and whatever else the residual stream that it adds to is off by
};

constexpr std::string_view to_string(Target target) noexcept {
    switch (target) {
        case Target::own: return "own";
        case Target::original: return "original";
        case Target::stream: return "stream";
    }
    return "unknown";
}

struct CalibrationOptions {
    Target target = Target::stream;
    std::size_t batch_tokens = 4096;
};

/// How a matrix was fitted.
struct CalibratedMatrix {
    std::string name;
    std::size_t parameter = 0;
    double output_error = 0;    ///< against its target, see output_error()
    double damping = 0;         ///< of the feedback, as much as the matrix needed
    std::size_t dead_inputs = 0;
    std::size_t tokens = 0;
};

/// Goes through a network layer by layer with the texts, and through its stages inside; see calibrate().
template <class Compressor>
class Calibration {
public:
    static constexpr std::size_t planes = quantizer::planes_of<typename Compressor::Quantizer>;
    /// Told after each matrix.
    using Told = std::function<void(const CalibratedMatrix&, const TernaryPlanes<planes>&)>;

    Calibration(Network<float>& network, Network<float>& original, std::vector<Batch> texts, const Compressor& compressor,
                const CalibrationOptions& options, Execution run)
        : sides_{Side{network, texts, options.batch_tokens}, Side{original, texts, options.batch_tokens}}, texts_(std::move(texts)),
          compressor_(compressor), options_(options), run_(run) {}

    void run(const Told& told) {
        for (Side& side : sides_)
            for (std::size_t b = 0; b < texts_.size(); ++b) {
                side.network.begin(texts_[b], side.tape);
                side.save(b, 0);
            }
        for (std::size_t layer = 0; layer < network().config().layers; ++layer) {
            for (const Stage stage : stages) compress_stage(layer, stage, told);
            for (Side& side : sides_)
                for (std::size_t b = 0; b < texts_.size(); ++b) {
                    side.load(b, layer);
                    side.network.run_layer(layer, texts_[b], side.tape, run_.threads);
                    side.save(b, layer + 1);
                }
        }
    }

private:
    /// The model as it is compressed so far, or the original, and its residual streams in front of the layer at hand.
    struct Side {
        Network<float>& network;
        Tape<float> tape;
        std::vector<Matrix<float>> streams{};

        Side(Network<float>& of, const std::vector<Batch>& texts, std::size_t tokens) : network(of), tape(of.config(), tokens, Keep::nothing) {
            for (const Batch& text : texts) streams.emplace_back(text.ids.size(), of.config().hidden_size);
        }
        void save(std::size_t b, std::size_t layer) { copy_rows<float>(tape.stream(layer, streams[b].rows()), streams[b].view(), 1); }
        void load(std::size_t b, std::size_t layer) { copy_rows<float>(streams[b].view(), tape.stream(layer, streams[b].rows()), 1); }
    };

    Network<float>& network() { return sides_[0].network; }

    InputMoments moments_of(std::size_t layer, Stage stage, std::size_t channels) {
        const bool adds = stage == Stage::attention_output || stage == Stage::mlp_output;
        InputMoments out(channels);
        for (std::size_t b = 0; b < texts_.size(); ++b) {
            std::array<MatrixView<const float>, 2> inputs, streams;
            for (std::size_t side = 0; side < (options_.target == Target::own ? 1u : 2u); ++side) {
                sides_[side].load(b, layer);
                inputs[side] = sides_[side].network.stage_input(layer, stage, texts_[b], sides_[side].tape, streams[side], run_.threads);
            }
            out.add(inputs[0], run_.threads);
            if (options_.target != Target::own) out.add_drift(inputs[1], inputs[0], run_.threads);
            if (options_.target == Target::stream && adds) out.add_stream_drift(streams[1], streams[0], inputs[0], run_.threads);
        }
        return out;
    }

    void compress_stage(std::size_t layer, Stage stage, const Told& told) {
        std::vector<std::size_t> matrices = network().stage_parameters(layer, stage);
        std::erase_if(matrices, [&](std::size_t i) { return !becomes_ternary(network().parameters()[i], compressor_.preservation()); });
        if (matrices.empty()) return;
        const Parameter<float>& first = network().parameters()[matrices[0]];
        const InputMoments moments = moments_of(layer, stage, first.value.cols());
        const PreparedMoments prepared = prepare(moments, quantizer::feedback_damping_of(compressor_.quantizer()), first.spec.name);
        std::optional<DampedFactor> factor;
        if (options_.target != Target::own) factor.emplace(damped_cholesky(moments, 0.01));
        for (const std::size_t i : matrices) {
            Parameter<float>& one = network().parameters()[i];
            if (factor) retarget(moments, *factor, one.value, run_.threads);
            const Shape shape{one.value.rows(), one.value.cols()};
            const TernaryPlanes<planes> made =
                compress(compressor_, TensorView{one.spec.name, DType::F32, shape, std::as_bytes(std::span<const float>(one.value.values()))}, prepared, run_);
            const Matrix<float> target = one.value;
            put_image(made, one.value);
            if (!told) continue;
            told({.name = one.spec.name, .parameter = i, .output_error = output_error(target, one.value, prepared, run_.threads),
                  .damping = prepared.damping, .dead_inputs = moments.dead(), .tokens = moments.tokens()}, made);
        }
    }
    void put_image(const TernaryPlanes<planes>& made, MatrixView<float> out) const {
        parallel_for(out.rows, 16, run_.threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> plane(out.cols);
            for (std::size_t r = begin; r < end; ++r) {
                made[0].dequantize_row(r, out.row(r), run_);
                for (std::size_t p = 1; p < planes; ++p) {
                    made[p].dequantize_row(r, plane, run_);
                    add_row<float>(plane, out.row(r));
                }
            }
        });
    }

    std::array<Side, 2> sides_;
    std::vector<Batch> texts_;
    const Compressor& compressor_;
    CalibrationOptions options_;
    Execution run_;
};

/// Texts in batches of at most `tokens`, cut where a text is longer than `context`.
inline std::vector<Batch> batches_of(std::span<const std::vector<std::uint32_t>> texts, std::size_t context, std::size_t tokens) {
    std::vector<Batch> out(1);
    for (const auto& text : texts)
        for (std::size_t begin = 0; begin < text.size(); begin += context) {
            const auto window = std::span(text).subspan(begin, std::min(context, text.size() - begin));
            if (!out.back().ids.empty() && out.back().ids.size() + window.size() > tokens) out.emplace_back();
            out.back().add(window);
        }
    return out;
}

/// Errors  errc::bad_shape naming the first tensor that the other has not, or not so
inline void require_same_tensors(const Network<float>& network, const Network<float>& original) {
    const Parameters<float>&ours = network.parameters(), &theirs = original.parameters();
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const bool there = i < theirs.size() && theirs[i].spec.name == ours[i].spec.name;
        if (!there || theirs[i].value.rows() != ours[i].value.rows() || theirs[i].value.cols() != ours[i].value.cols())
            throw error(errc::bad_shape, message(ours[i].spec.name, ": the original network has none of shape ",
                                                 to_string(Shape{ours[i].value.rows(), ours[i].value.cols()})));
    }
}

/// Makes the matrices of `network` ternary where the compressor's preservation policy says so, in the order of the forward pass:
/// each is fitted to the inputs that it is given by those that are ternary already. `network` begins as equal to `original`.
///
/// Memory: both networks, one stage's moments in double, and two hidden states a token of the texts.
///
/// Errors  errc::bad_value: no text, a token id beyond the vocabulary, a context of 0 or beyond the model's positions;
///         errc::bad_shape: networks of other tensors; errc::not_finite naming the first matrix whose input, or weight, is
template <class Compressor>
void calibrate(Network<float>& network, Network<float>& original, std::span<const std::vector<std::uint32_t>> texts, std::size_t context,
               const Compressor& compressor, const CalibrationOptions& options, Execution run,
               const typename Calibration<Compressor>::Told& told = {}) {
    if (context == 0) throw error(errc::bad_value, "a context of 0 tokens: one is the least");
    if (std::ranges::all_of(texts, [](const auto& text) { return text.empty(); }))
        throw error(errc::bad_value, "there is no text to calibrate with");
    require_same_tensors(network, original);
    Calibration<Compressor>(network, original, batches_of(texts, context, options.batch_tokens), compressor, options, run).run(told);
}

}  // namespace bitnet::inline BITNET_ABI
