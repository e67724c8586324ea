/// A network whose matrices become ternary one after the other, each fitted to what the ones before it have become.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/calibrate/calibration_set.hpp>
#include <bitnet/calibrate/layer_file.hpp>
#include <bitnet/calibrate/matrix_quantizer.hpp>
#include <bitnet/calibrate/refine.hpp>
#include <bitnet/calibrate/text_streams.hpp>
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
    bool rotate = false;     ///< quantize in a rotated basis, see Rotation: whoever runs the model rotates inputs
    std::uint64_t seed = 0;  ///< of the rotations
    std::size_t most_bytes = std::size_t{1} << 32;  ///< of hidden states in memory, of each of both networks; more goes to disk
    /// Each layer is kept in files of this name and its number when it is done, and taken from there where that is of the same `about`
    /// and the same options: a calibration that was killed goes on, and ends with the same bytes. Empty: nothing is kept; nor is a layer
    /// that there is no space for, and those behind it.
    std::filesystem::path kept{};
    Json about{};            ///< an object that says which calibration this is: texts, weights, who quantizes
    /// Asked behind each step of refinement: the share of its passes, of a layer or of all, that is done. What it throws ends the calibration.
    std::function<void(double share)> refining{};
    RefineOptions refine{};  ///< what follows when all matrices of a layer, and of the model, have become ternary

    /// Of inputs of so many channels.
    Rotation rotation(std::size_t channels) const { return rotate ? Rotation{Rotation::block_for(channels), seed} : Rotation{}; }
};

/// How a matrix was fitted.
struct CalibratedMatrix {
    std::string name;
    std::size_t parameter = 0;
    double output_error = 0;    ///< against its target, see output_error()
    double plain_error = 0;     ///< the same of rounding to the nearest levels of exact least squares, with as many scales
    double damping = 0;         ///< of the feedback, as much as the matrix needed
    std::size_t dead_inputs = 0;
    std::size_t tokens = 0;
    double seconds = 0;         ///< from its target to its codes
};

/// For records and files; its place among the parameters is found by its name.
inline Json to_json(const CalibratedMatrix& matrix) {
    return Json::object({{"name", matrix.name}, {"output_error", matrix.output_error}, {"plain_error", matrix.plain_error}, {"damping", matrix.damping},
                         {"dead_inputs", matrix.dead_inputs}, {"tokens", matrix.tokens}, {"seconds", matrix.seconds}});
}
/// From what to_json made.
/// Errors  errc::missing: the model has no such tensor
inline CalibratedMatrix calibrated_matrix(const Json& row, const Parameters<float>& parameters) {
    const std::string& name = row.at("name").as_string();
    const std::size_t parameter = parameters.find(name);
    if (parameter == Parameters<float>::none) throw error(errc::missing, message("figures of ", detail::quote(name), ", which is no tensor of this model"));
    return {.name = name, .parameter = parameter, .output_error = row.at("output_error").as_double(),
            .plain_error = row.at("plain_error").as_double(), .damping = row.at("damping").as_double(), .dead_inputs = row.at("dead_inputs").as_unsigned(),
            .tokens = row.at("tokens").as_unsigned(), .seconds = row.at("seconds").as_double()};
}

/// Goes through a network layer by layer with the texts, and through its stages inside; see calibrate().
class Calibration {
public:
    /// Told after each matrix.
    using Told = std::function<void(const CalibratedMatrix&)>;
    /// Who quantizes a matrix; null: it stays as it is.
    using Choose = std::function<const MatrixQuantizer*(const Parameter<float>&)>;

    Calibration(Network<float>& network, Network<float>& original, std::vector<Batch> texts, Choose choose, const CalibrationOptions& options,
                Execution run)
        : texts_(std::move(texts)), now_(network, texts_, options.most_bytes), before_(original, texts_, options.most_bytes),
          choose_(std::move(choose)), options_(options), run_(run) {}

    MadePlanes run(const Told& told) {
        const std::size_t layers = network().config().layers;
        for (std::size_t layer = 0; layer < layers; ++layer) {
            const std::size_t first = made_.size();
            if (!take_kept(layer, told)) {
                fitted_.clear();
                for (const Stage stage : stages) compress_stage(layer, stage, told);
                if (made_.size() > first) refine(layer, first, options_.refine.passes);
                keep(layer, std::span(made_).subspan(first));
            }
            before_.advance(layer, run_.threads);
            now_.advance(layer, run_.threads);
        }
        if (!made_.empty()) refine(std::nullopt, 0, options_.refine.together);
        MadePlanes out;
        for (MadeMatrix& one : made_) out.emplace(network().parameters()[one.parameter].spec.name, std::move(one.planes));
        return out;
    }

private:
    Network<float>& network() { return now_.network(); }
    Network<float>& original() { return before_.network(); }

    std::filesystem::path kept_file(std::size_t layer) const {
        std::filesystem::path out = options_.kept;
        return out += message(".", layer, ".safetensors");
    }
    /// Whether the layer stood in a file of this calibration.
    bool take_kept(std::size_t layer, const Told& told) {
        if (options_.kept.empty()) return false;
        auto kept = read_layer(kept_file(layer), about(), network().parameters(), run_);
        if (!kept || (told && kept->figures.as_array().size() != kept->matrices.size())) return false;  // nobody was told then
        std::set<std::size_t> wanted, there;
        for (const Stage stage : stages) std::ranges::copy(chosen(layer, stage), std::inserter(wanted, wanted.end()));
        for (const MadeMatrix& one : kept->matrices) there.insert(one.parameter);
        if (there != wanted) throw error(errc::bad_file, message(kept_file(layer).string(), ": the ", wanted.size(), " ternary matrices of layer ", layer, " are expected, and others are there"));
        for (MadeMatrix& one : kept->matrices) {
            put_image(one.planes, network().parameters()[one.parameter].value, run_);
            made_.push_back(std::move(one));
        }
        for (const auto& [i, values] : kept->moved) std::ranges::copy(values, network().parameters()[i].values().begin());
        for (const Json& row : kept->figures.as_array())
            if (told) told(calibrated_matrix(row, network().parameters()));
        return true;
    }
    /// Which calibration this is.
    Json about() const {
        return Json::object({{"about", options_.about}, {"target", to_string(options_.target)}, {"rotate", options_.rotate}, {"seed", options_.seed},
                             {"passes", options_.refine.passes}, {"rate", options_.refine.rate}, {"norms", options_.refine.norms}});
    }
    void keep(std::size_t layer, std::span<const MadeMatrix> made) {
        if (options_.kept.empty()) return;
        const std::string prefix = layer_prefix(network().config(), layer);
        std::vector<std::size_t> norms;
        for (std::size_t i = 0; i < network().parameters().size(); ++i)
            if (const auto& spec = network().parameters()[i].spec; spec.role == TensorRole::norm && spec.name.starts_with(prefix)) norms.push_back(i);
        Json::Array rows;
        for (const CalibratedMatrix& one : fitted_) rows.push_back(to_json(one));
        try {
            write_layer(kept_file(layer), network().parameters(), made, norms, about(), Json::array(std::move(rows)));
        } catch (const error& problem) {
            if (problem.code() != errc::io) throw;
            options_.kept.clear();  // a full disk is no reason to end
        }
    }

    /// Of one layer, or of all, the matrices from `first` on.
    void refine(std::optional<std::size_t> layer, std::size_t first, std::size_t passes) {
        if (passes == 0) return;
        std::vector<MadeMatrix*> matrices;
        for (std::size_t i = first; i < made_.size(); ++i) matrices.push_back(&made_[i]);
        const std::size_t layers = original().config().layers, most = now_.tape().tokens();
        if (!ends_) {
            ends_.emplace(original(), texts_, options_.most_bytes);
            for (std::size_t i = 0; i < layers; ++i) ends_->advance(i, run_.threads);
        }
        const Scratch<float> wanted(most, original().config().hidden_size);
        Refinement refinement(network(), original(), layer, matrices, options_.refine, most, passes * texts_.size(), run_);
        for (std::size_t pass = 0; pass < passes; ++pass)
            for (std::size_t b = 0; b < texts_.size(); ++b) {
                const MatrixView<float> hidden = wanted.rows(texts_[b].ids.size());
                ends_->load(b, layers);
                original().forward_from(layers, texts_[b], ends_->tape(), hidden, run_.threads);
                refinement.step(texts_[b], now_[b], hidden);
                if (options_.refining) options_.refining(static_cast<double>(pass * texts_.size() + b + 1) / static_cast<double>(passes * texts_.size()));
            }
        refinement.finish();
    }

    InputMoments moments_of(std::size_t layer, Stage stage, std::size_t channels) {
        const bool adds = stage == Stage::attention_output || stage == Stage::mlp_output;
        InputMoments out(channels);
        for (std::size_t b = 0; b < texts_.size(); ++b) {
            const auto [input, stream] = now_.stage_input(b, layer, stage, run_.threads);
            out.add(input, run_.threads);
            if (options_.target == Target::own) continue;
            const auto [wanted, wanted_stream] = before_.stage_input(b, layer, stage, run_.threads);
            out.add_drift(wanted, input, run_.threads);
            if (options_.target == Target::stream && adds) out.add_stream_drift(wanted_stream, stream, input, run_.threads);
        }
        return out;
    }

    /// Matrices that somebody quantizes.
    std::vector<std::size_t> chosen(std::size_t layer, Stage stage) {
        std::vector<std::size_t> out = network().stage_parameters(layer, stage);
        std::erase_if(out, [this](std::size_t i) { return choose_(network().parameters()[i]) == nullptr; });
        return out;
    }

    void compress_stage(std::size_t layer, Stage stage, const Told& told) {
        const std::vector<std::size_t> matrices = chosen(layer, stage);
        if (matrices.empty()) return;
        double damping = 0;
        for (const std::size_t i : matrices) damping = std::max(damping, choose_(network().parameters()[i])->feedback_damping);
        const Parameter<float>& first = network().parameters()[matrices[0]];
        const std::size_t channels = first.value.cols();
        const InputMoments moments = moments_of(layer, stage, channels);
        const PreparedMoments prepared = prepare(moments, damping, first.spec.name, options_.rotation(channels));
        std::optional<DampedFactor> factor;
        if (options_.target != Target::own) factor.emplace(damped_cholesky(moments, 0.01));
        for (const std::size_t i : matrices) {
            Parameter<float>& one = network().parameters()[i];
            if (factor) retarget(moments, *factor, one.value, run_.threads);
            const auto begin = std::chrono::steady_clock::now();
            const Matrix<float> target = one.value;
            const Shape shape{target.rows(), target.cols()};
            const TensorView view{one.spec.name, DType::F32, shape, std::as_bytes(std::span<const float>(target.values()))};
            const MatrixQuantizer& quantizer = *choose_(one);
            TernaryPlanes made = quantizer.compress(view, prepared, run_);
            put_image(made, one.value, run_);
            const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            CalibratedMatrix about{.name = one.spec.name, .parameter = i, .damping = prepared.damping, .dead_inputs = moments.dead(),
                                   .tokens = moments.tokens(), .seconds = seconds};
            if (told) {
                Matrix<float> plain(target.rows(), target.cols());
                put_image(quantizer.plain(view, run_), plain, run_);
                about.output_error = output_error(target, one.value, prepared, run_.threads);
                about.plain_error = output_error(target, plain, prepared, run_.threads);
                told(about);
                fitted_.push_back(std::move(about));
            }
            made_.push_back({i, std::move(made)});
        }
    }

    std::vector<Batch> texts_;
    TextStreams now_, before_;             ///< of the model as it is compressed so far, and of the original
    std::optional<TextStreams> ends_{};    ///< of the original, behind its last layer: for refinement
    std::vector<MadeMatrix> made_{};
    std::vector<CalibratedMatrix> fitted_{};  ///< of the layer, where somebody is told
    Choose choose_;
    CalibrationOptions options_;
    Execution run_;
};

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

/// Makes the matrices of `network` ternary that somebody is chosen for, in the order of the forward pass: each is fitted to the
/// inputs that it is given by those that are ternary already. `network` begins as equal to `original`. Returns what was made.
///
/// Memory: both networks, one stage's moments in double, and two hidden states a token of the texts, on disk where they are many; to
/// refine, a third one, gradients of a layer, or of all, and the activations of a batch.
///
/// Errors  errc::bad_value: a token id beyond the vocabulary, a text longer than the model's positions; errc::bad_shape: networks of
///         other tensors; errc::not_finite naming the first matrix whose input, or weight, is
inline MadePlanes calibrate(Network<float>& network, Network<float>& original, const CalibrationSet& texts, Calibration::Choose choose,
                            const CalibrationOptions& options, Execution run, const Calibration::Told& told = {}) {
    require_same_tensors(network, original);
    return Calibration(network, original, texts.batches(), std::move(choose), options, run).run(told);
}
/// The same as a compressor's policies say.
template <class... Policies>
MadePlanes calibrate(Network<float>& network, Network<float>& original, const CalibrationSet& texts, const Compressor<Policies...>& compressor,
                     const CalibrationOptions& options, Execution run, const Calibration::Told& told = {}) {
    const MatrixQuantizer quantizer = matrix_quantizer(compressor);
    const auto choose = [&](const Parameter<float>& one) { return becomes_ternary(one, compressor.preservation()) ? &quantizer : nullptr; };
    return calibrate(network, original, texts, choose, options, run, told);
}

}  // namespace bitnet::inline BITNET_ABI
