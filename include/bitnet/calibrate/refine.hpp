/// Scales, norms and tables, moved by gradient until the network predicts what the original does.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/scale/storage.hpp>
#include <bitnet/train/loss.hpp>
#include <bitnet/train/network.hpp>

namespace bitnet::inline BITNET_ABI {

struct RefineOptions {
    std::size_t passes = 0;    ///< over the texts, for each layer when its matrices have become ternary
    std::size_t together = 0;  ///< over the texts, of all layers together when every matrix has become ternary, and of the tables of tokens
    float rate = 0.04f;        ///< of the first step, in shares of a scale; a cosine takes it to 0
    float table_rate = 0.1f;   ///< of the tables, as a share of `rate`: one step moves a weight by no more than that share of their mean magnitude
    bool norms = true;         ///< norms too
};

/// How the names of a layer's parameters begin.
inline std::string layer_prefix(const ModelConfig& config, std::size_t layer) {
    std::string out(architecture_named(config.architecture).parts.layer);
    return out.replace(out.find('#'), 1, std::to_string(layer));
}

/// A matrix of a network that has become ternary.
struct MadeMatrix {
    std::size_t parameter = 0;
    TernaryPlanes planes{};
};

/// Minimises the divergence KL(p ‖ p̃) over batches, p what the original predicts and p̃ what the network does as it stands, by AdamW on
/// the logarithms of scales, codes fixed, and on norms: of one layer, with the layers behind still the original's, or of all layers, and
/// then on the embedding and the head as well.
///
/// Source  layer by layer as in Li et al. 2021, "BRECQ", section 3, with predictions as the aim; here scales and norms alone
class Refinement {
public:
    /// layer: none for all    matrices: those of the layer, changed by step() and finish()    tokens: of a batch, at most    steps: how many
    /// will follow
    Refinement(Network<float>& network, const Network<float>& original, std::optional<std::size_t> layer, std::span<MadeMatrix* const> matrices,
               const RefineOptions& options, std::size_t tokens, std::size_t steps, Execution run)
        : network_(network), original_(original), layer_(layer), options_(options), steps_(steps), run_(run),
          tape_(network.config(), tokens, Keep::everything), hidden_(tokens, network.config().hidden_size),
          slopes_(tokens, network.config().hidden_size), work_(network.vocabulary()) {
        for (Parameter<float>& one : network.parameters()) {
            learned_.push_back(one.learns);
            one.learns = one.value.rows() == 1;  // gradients of vectors cost nothing
        }
        for (MadeMatrix* const one : matrices) {
            Scales& scales = scales_.emplace_back(one);
            for (const TernaryTensor& plane : one->planes.planes)
                for (const float scale : plane.scales) scales.logarithm.push_back(scale > 0 ? std::log(scale) : 0);
            scales.state = State(scales.logarithm.size());
            network.parameters()[one->parameter].learns = true;
        }
        const std::string prefix = layer ? layer_prefix(network.config(), *layer) : "";
        for (std::size_t i = 0; i < network.parameters().size(); ++i) {
            const TensorRole role = network.parameters()[i].spec.role;
            const bool is_table = !layer && (role == TensorRole::token_embedding || role == TensorRole::position_embedding || role == TensorRole::lm_head);
            const bool is_norm = options.norms && role == TensorRole::norm && network.parameters()[i].spec.name.starts_with(prefix);
            if (is_table || is_norm) whole(i, options.rate * (is_table ? options.table_rate : 1));
        }
    }

    /// One step; the mean divergence before it.  stream: in front of the layer, (N, hidden_size), not looked at for all layers; wanted: the
    /// original's last hidden states, normalised, (N, hidden_size)
    double step(const Batch& batch, MatrixView<const float> stream, MatrixView<const float> wanted) {
        const std::size_t tokens = batch.ids.size();
        const MatrixView<float> hidden = hidden_.rows(tokens), slopes = slopes_.rows(tokens);
        network_.parameters().zero_gradients(run_.threads);
        if (layer_)
            copy_rows<float>(stream, tape_.stream(*layer_, tokens), run_.threads);
        else
            network_.begin(batch, tape_);
        network_.forward_from(layer_.value_or(0), batch, tape_, hidden, run_.threads);
        const Loss loss = head_loss<float>(network_, hidden, &original_, wanted, batch, {}, 1 / static_cast<double>(tokens), work_, slopes, run_.threads);
        if (layer_)
            network_.backward_to(*layer_, batch, tape_, slopes, run_.threads);
        else
            network_.backward(batch, tape_, slopes, run_.threads);
        const double progress = static_cast<double>(done_++) / static_cast<double>(steps_);
        const float share = static_cast<float>((1 + std::cos(std::numbers::pi * progress)) / 2);
        for (Scales& scales : scales_) move(scales, share * options_.rate);
        for (Whole& one : whole_) {
            Parameter<float>& parameter = network_.parameters()[one.parameter];
            optimizer_.update(parameter.values(), parameter.gradients(), one.state, share * one.rate);
        }
        return loss.sum / static_cast<double>(tokens);
    }
    /// Scales as they are stored, and the images that they make.
    void finish() {
        for (const Scales& scales : scales_) {
            for (TernaryTensor& plane : scales.of->planes.planes) {
                const bool held = std::ranges::all_of(plane.scales, [&](float scale) { return scale::holds(plane.scale_type, scale); });
                if (!held)
                    for (TernaryTensor& each : scales.of->planes.planes) each.scale_type = DType::F32;
            }
            for (TernaryTensor& plane : scales.of->planes.planes)
                for (float& scale : plane.scales) scale = scale::stored(scale, plane.scale_type);
            put_image(scales.of->planes, network_.parameters()[scales.of->parameter].value, run_);
        }
        for (std::size_t i = 0; i < learned_.size(); ++i) {
            network_.parameters()[i].gradient = {};
            network_.parameters()[i].learns = learned_[i];
        }
    }

private:
    using State = optimizer::AdamW::State;
    /// A tensor that moves as it is.
    struct Whole {
        std::size_t parameter;
        float rate;
        State state;
    };
    struct Scales {
        explicit Scales(MadeMatrix* made) : of(made) {}
        MadeMatrix* of;
        std::vector<float> logarithm{};
        State state{0};
    };

    void whole(std::size_t i, float rate) {
        Parameter<float>& one = network_.parameters()[i];
        one.learns = true;
        double size = 0;
        for (const float w : one.values()) size += std::abs(static_cast<double>(w));
        const std::size_t count = one.value.values().size();
        whole_.push_back({i, rate * static_cast<float>(size / static_cast<double>(count)), State(count)});
    }
    /// Σ of dW·Q over the codes of each scale is the scale's gradient; times the scale, its logarithm's.
    void move(Scales& scales, float rate) {
        Parameter<float>& weight = network_.parameters()[scales.of->parameter];
        TernaryPlanes& made = scales.of->planes;
        each_piece_of_rows(weight.value.rows(), [&](std::size_t r) { made.rotation.apply(weight.gradient.row(r)); });
        std::vector<float> slopes(scales.logarithm.size());
        std::size_t first = 0;
        for (TernaryTensor& plane : made.planes) {
            const std::size_t groups = plane.groups_per_row();
            std::vector<double> of_rows(plane.whole_tensor ? plane.rows() : 0);
            each_piece_of_rows(plane.rows(), [&](std::size_t r) {
                std::vector<std::int8_t> codes(plane.cols());
                plane.codes_of_row(r, codes, run_);
                const std::span<const float> gradient = weight.gradient.row(r);
                for (std::size_t g = 0; g < groups; ++g) {
                    const std::size_t begin = plane.whole_tensor ? 0 : g * plane.group, end = plane.whole_tensor ? plane.cols() : std::min(plane.cols(), begin + plane.group);
                    double sum = 0;
                    for (std::size_t c = begin; c < end; ++c) sum += static_cast<double>(gradient[c] * static_cast<float>(codes[c]));
                    if (plane.whole_tensor)
                        of_rows[r] = sum;
                    else
                        slopes[first + r * groups + g] = static_cast<float>(sum) * plane.scales[r * groups + g];
                }
            });
            double whole = 0;
            for (const double sum : of_rows) whole += sum;
            if (plane.whole_tensor && !plane.scales.empty()) slopes[first] = static_cast<float>(whole) * plane.scales[0];
            first += plane.scales.size();
        }
        optimizer_.update(scales.logarithm, slopes, scales.state, rate);
        first = 0;
        for (TernaryTensor& plane : made.planes)
            for (float& scale : plane.scales) scale = scale > 0 ? std::exp(scales.logarithm[first++]) : (++first, 0.0f);
        put_image(made, weight.value, run_);
    }
    template <class Work>
    void each_piece_of_rows(std::size_t rows, Work&& work) const {
        parallel_for(rows, 16, run_.threads, [&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r) work(r);
        });
    }

    Network<float>& network_;
    const Network<float>& original_;
    std::optional<std::size_t> layer_;
    RefineOptions options_;
    std::size_t steps_, done_ = 0;
    Execution run_;
    Tape<float> tape_;
    Scratch<float> hidden_, slopes_;
    LossWork<float> work_;
    std::vector<bool> learned_{};  ///< what was to learn before
    optimizer::AdamW optimizer_{.beta2 = 0.95f, .epsilon = 1e-20f};  // a large layer's slopes are tiny
    std::vector<Scales> scales_{};
    std::vector<Whole> whole_{};
};

}  // namespace bitnet::inline BITNET_ABI
