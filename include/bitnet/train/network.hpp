/// A model that learns: forward and backward of all architectures over batches of texts.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/rows.hpp>
#include <bitnet/model/layer_parts.hpp>
#include <bitnet/model/rope_frequencies.hpp>
#include <bitnet/nn/activation.hpp>
#include <bitnet/nn/attention.hpp>
#include <bitnet/nn/embedding.hpp>
#include <bitnet/nn/linear.hpp>
#include <bitnet/nn/norm.hpp>
#include <bitnet/nn/rope.hpp>
#include <bitnet/nn/round_activations.hpp>
#include <bitnet/train/parameter.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

/// Dense weights, and the gradients of a loss with respect to them. Whether a weight is the image of another one, ternary
/// or not, is its owner's business. T: float, or double for finite differences.
///
/// Results do not depend on the number of threads: each thread writes to places of its own, and what is added over tokens
/// is added in pieces of fixed size, in their order.
template <class T>
class Network {
public:
    /// kernels: of its arithmetic where it is not BLAS's; they change no result
    Network(const ModelConfig& config, Parameters<T> parameters, const Kernels& kernels = *execution().kernels)
        : config_(config), parameters_(std::move(parameters)), kernels_(&kernels) {
        const Architecture& family = architecture_named(config.architecture);
        const auto norm = [this](const std::string& name) { return part(name); };
        for (std::size_t i = 0; i < config.layers; ++i) layers_.push_back(layer_parts(family.parts, i, norm, norm));
        final_norm_ = part(std::string(family.parts.final_norm));
        embedding_ = find(std::string(family.token_embedding));
        head_ = parameters_.find(lm_head_name);
        if (head_ == Parameters<T>::none) head_ = embedding_;
        positions_ = parameters_.find(family.parts.position_embedding);
    }

    const ModelConfig& config() const noexcept { return config_; }
    Parameters<T>& parameters() noexcept { return parameters_; }
    const Parameters<T>& parameters() const noexcept { return parameters_; }
    const Kernels& kernels() const noexcept { return *kernels_; }
    std::size_t vocabulary() const { return parameters_[head_].value.rows(); }

    /// The largest attention score of each head in each layer since it was cleared: (layers, heads), or empty where nobody
    /// asked for it. For qk_clip.
    Matrix<T> largest_scores{};
    /// Rows of one layer's queries, keys and values: the parameter that holds them, and its first row.
    struct Rows {
        std::size_t parameter = 0, bias = 0, first = 0, count = 0;
    };
    std::array<Rows, 2> query_and_key_rows(std::size_t layer) const {
        const std::vector<Part>& qkv = layers_[layer].qkv;
        const std::size_t queries = config_.heads * config_.head_dim, keys = config_.kv_heads * config_.head_dim;
        if (qkv.size() == 1) return {Rows{qkv[0].weight, qkv[0].bias, 0, queries}, Rows{qkv[0].weight, qkv[0].bias, queries, keys}};
        return {Rows{qkv[0].weight, qkv[0].bias, 0, queries}, Rows{qkv[1].weight, qkv[1].bias, 0, keys}};
    }

    /// How much of the rounding to 8 bits the inputs of linear layers get, 0: none ... 1; see round_activations.
    T rounding = 0;

    /// Reads a batch of at most tape.tokens() tokens; hidden states of its tokens, normalised: (N, hidden_size).
    ///
    /// Errors  errc::bad_value for an id beyond the vocabulary and a text longer than the model's positions
    void forward(const Batch& batch, const Tape<T>& tape, MatrixView<T> hidden, unsigned threads) {
        begin(batch, tape);
        forward_from(0, batch, tape, hidden, threads);
    }
    /// The same from the residual stream in front of layer `first`, which stands in tape.stream(first).
    void forward_from(std::size_t first, const Batch& batch, const Tape<T>& tape, MatrixView<T> hidden, unsigned threads) {
        const std::size_t tokens = batch.ids.size();
        for (std::size_t i = first; i < layers_.size(); ++i) {
            run_layer(i, batch, tape, threads);
            if (tape.keep() == Keep::rounded) tape.put_away(i, written(i, tape, tokens), threads);
        }
        normalise(final_norm_, tape.stream(layers_.size(), tokens), hidden, threads);
    }

    /// What a stage of layer i is given when the residual stream in front of that layer stands in tape.stream(i): (N, channels).
    /// `stream` becomes the residual stream that the stage's result is added to.
    MatrixView<const T> stage_input(std::size_t i, Stage stage, const Batch& batch, const Tape<T>& tape, MatrixView<const T>& stream,
                                    unsigned threads) {
        const std::size_t tokens = batch.ids.size();
        prepare_angles(batch.longest());
        stream = tape.stream(i, tokens);
        if (stage == Stage::attention) {
            normalise(layers_[i].attention_norm, stream, tape.layer(i).normal.rows(tokens), threads);
            return tape.layer(i).normal.rows(tokens);
        }
        read_layer(i, batch, tape, threads);
        if (stage == Stage::attention_output) return heads_in(layers_[i], tape.layer(i), tokens, threads);
        stream = tape.layer(i).middle.rows(tokens);
        feed_forward(i, tape, tokens, std::nullopt, threads);
        return stage == Stage::mlp ? tape.layer(i).mlp_normal.rows(tokens) : tape.layer(i).wide.rows(tokens);
    }
    /// The residual stream behind layer i, into tape.stream(i + 1), from that in front of it.
    void run_layer(std::size_t i, const Batch& batch, const Tape<T>& tape, unsigned threads) {
        prepare_angles(batch.longest());
        read_layer(i, batch, tape, threads);
        feed_forward(i, tape, batch.ids.size(), tape.stream(i + 1, batch.ids.size()), threads);
    }
    /// The residual stream in front of the first layer, into tape.stream(0).
    void begin(const Batch& batch, const Tape<T>& tape) {
        prepare_angles(batch.longest());
        const MatrixView<T> x = tape.stream(0, batch.ids.size());
        const Matrix<T>& table = parameters_[embedding_].value;
        embed(table.rows(), batch.ids, x, [&](std::uint32_t id, std::span<T> row) { std::ranges::copy(table.row(id), row.begin()); });
        each_text(batch, [&](std::size_t begin, std::size_t end) {
            for (std::size_t t = begin; positions_ != Parameters<T>::none && t < end; ++t)
                add_row(parameters_[positions_].value.row(t - begin), x.row(t));
        });
    }
    /// The places of the matrices that a stage of layer i multiplies its input with.
    std::vector<std::size_t> stage_parameters(std::size_t i, Stage stage) const {
        std::vector<std::size_t> out;
        layers_[i].each_of_stage(stage, [&](const Part& part) { out.push_back(part.weight); });
        return out;
    }

    /// Adds the gradients of a loss to those of the parameters; zero_gradients comes first, the head's part is logits_backward's.
    /// dhidden: (N, hidden_size), the loss's gradient at what forward gave; is overwritten
    /// last_qkv: called with the last layer's queries and keys, rotated, and values, to add what a loss wants of them to their
    ///           gradients, as wide
    using QkvSlope = std::function<void(MatrixView<const T> qkv, MatrixView<T> dqkv)>;
    void backward(const Batch& batch, const Tape<T>& tape, MatrixView<T> dhidden, unsigned threads, const QkvSlope& last_qkv = {}) {
        const MatrixView<T> dx = backward_to(0, batch, tape, dhidden, threads, last_qkv);
        if (parameters_[embedding_].learns) embed_backward<T>(batch.ids, dx, parameters_[embedding_].gradient, threads);
        if (positions_ == Parameters<T>::none || !parameters_[positions_].learns) return;
        each_text(batch, [&](std::size_t begin, std::size_t end) {
            for (std::size_t t = begin; t < end; ++t) add_row(dx.row(t), parameters_[positions_].gradient.row(t - begin));
        });
    }
    /// The same as far as in front of layer `first`; the gradient there, which stands until the next backward pass: (N, hidden_size).
    MatrixView<T> backward_to(std::size_t first, const Batch& batch, const Tape<T>& tape, MatrixView<T> dhidden, unsigned threads, const QkvSlope& last_qkv = {}) {
        const std::size_t tokens = batch.ids.size();
        if (!slopes_ || slopes_->stream.view().rows < tape.tokens()) slopes_.emplace(config_, tape.tokens());
        const MatrixView<T> dx = slopes_->stream.rows(tokens);
        clear_rows(dx, threads);
        normalise_backward(final_norm_, tape.stream(layers_.size(), tokens), dhidden, dx, threads);
        for (std::size_t i = layers_.size(); i-- > first;) {
            bring_back(i, batch, tape, threads);
            feed_forward_backward(i, tape, dx, threads);
            attend_backward(i, batch, tape, dx, threads, i + 1 == layers_.size() ? last_qkv : QkvSlope());
        }
        return dx;
    }

    /// Logits of hidden states that forward gave.  hidden: (N, hidden_size)  out: (N, vocabulary())
    void logits(MatrixView<const T> hidden, MatrixView<T> out, unsigned threads) const {
        multiply_nt(hidden, parameters_[head_].value.view(), out, threads);
    }
    /// dhidden = dlogits·W, and the gradient of the head where it learns.
    void logits_backward(MatrixView<const T> hidden, MatrixView<const T> dlogits, MatrixView<T> dhidden, unsigned threads) {
        linear_backward_input(dlogits, parameters_[head_].value.view(), dhidden, T(0), threads);
        if (parameters_[head_].learns) linear_backward_weight(dlogits, hidden, parameters_[head_].gradient.view(), threads);
    }

private:
    /// A linear layer or a norm: the places of weight and bias among the parameters.
    struct Part {
        std::size_t weight = Parameters<T>::none, bias = Parameters<T>::none;
    };

    std::size_t find(const std::string& name) const {
        const std::size_t found = parameters_.find(name);
        if (found == Parameters<T>::none) throw error(errc::missing, message("parameter ", detail::quote(name), " is missing"));
        return found;
    }
    Part part(const std::string& name) const { return {find(name + ".weight"), parameters_.find(name + ".bias")}; }
    std::span<const T> bias_of(const Part& of) const {
        return of.bias == Parameters<T>::none ? std::span<const T>() : parameters_[of.bias].value.row(0);
    }
    void prepare_angles(std::size_t positions) {
        if (positions > config_.max_positions)
            throw error(errc::bad_value, message("a text of ", positions, " tokens is longer than the ", config_.max_positions,
                                                 " positions of this model"));
        if (!config_.rope || angles_.cosine.rows() >= positions) return;
        const RopeFrequencies rope = rope_frequencies(*config_.rope, config_.head_dim, config_.max_positions, positions);
        angles_ = {rope.frequencies, rope.magnitude, 0, positions};
    }
    template <class Work>
    static void each_text(const Batch& batch, Work&& work) {
        for (std::size_t i = 0; i < batch.texts(); ++i) work(batch.begins[i], batch.begins[i + 1]);
    }

    void normalise(const Part& norm, MatrixView<const T> x, MatrixView<T> y, unsigned threads) const {
        bitnet::normalise<T>(x, parameters_[norm.weight].value.row(0), bias_of(norm), config_.norm_eps, y, threads);
    }
    /// dx += its gradient.
    void normalise_backward(const Part& norm, MatrixView<const T> x, MatrixView<const T> dy, MatrixView<T> dx, unsigned threads) {
        const std::span<T> dbias = norm.bias == Parameters<T>::none ? std::span<T>() : parameters_[norm.bias].gradients();
        bitnet::normalise_backward<T>(x, std::as_const(parameters_)[norm.weight].value.row(0), config_.norm_eps, dy, dx,
                                      parameters_[norm.weight].gradients(), dbias, threads);
    }
    void project(const Part& linear, MatrixView<const T> x, MatrixView<T> y, unsigned threads) const {
        multiply_nt(x, parameters_[linear.weight].value.view(), y, threads);
        add_bias<T>(bias_of(linear), y);
    }
    /// dx = keep·dx + its gradient.
    void project_backward(const Part& linear, MatrixView<const T> x, MatrixView<const T> dy, MatrixView<T> dx, T keep, unsigned threads) {
        Parameter<T>& weight = parameters_[linear.weight];
        if (weight.learns) linear_backward_weight(dy, x, weight.gradient.view(), threads);
        if (linear.bias != Parameters<T>::none) linear_backward_bias(dy, parameters_[linear.bias].gradients());
        linear_backward_input(dy, weight.value.view(), dx, keep, threads);
    }
    void round_inputs(MatrixView<T> x, unsigned threads) const {
        if (rounding == 0) return;
        each_piece(x.rows, threads, [&](std::size_t begin, std::size_t count) { round_activations(x.row_range(begin, count), rounding); });
    }

    AttentionShape attention_shape(std::size_t layer) const {
        return {config_.heads, config_.kv_heads, config_.head_dim, config_.attention_scale(layer), config_.window(layer)};
    }
    /// Calls work(number, begin, count, threads) for each text, several texts at once where there are enough of them.
    template <class Work>
    static void share_texts(const Batch& batch, unsigned threads, Work&& work) {
        const bool apart = batch.texts() >= thread_count(threads);
        parallel_for(batch.texts(), 1, apart ? threads : 1, [&](std::size_t i, std::size_t) {
            work(i, batch.begins[i], batch.begins[i + 1] - batch.begins[i], apart ? 1u : threads);
        });
    }

    /// The first half of a layer: from stream(i) to layer(i).middle.
    void read_layer(std::size_t i, const Batch& batch, const Tape<T>& tape, unsigned threads) {
        const LayerParts<Part, Part>& layer = layers_[i];
        const LayerTape<T>& to = tape.layer(i);
        const std::size_t tokens = batch.ids.size();
        const MatrixView<T> x = tape.stream(i, tokens), normal = to.normal.rows(tokens), middle = to.middle.rows(tokens);
        normalise(layer.attention_norm, x, normal, threads);
        round_inputs(normal, threads);
        std::size_t column = 0;
        for (const Part& part : layer.qkv) {
            const std::size_t outputs = parameters_[part.weight].value.rows();
            project(part, normal, to.qkv.rows(tokens).col_range(column, outputs), threads);
            column += outputs;
        }
        const Qkv<T> all(to.qkv.rows(tokens), config_);
        const MatrixView<T> heads = to.heads.rows(tokens);
        const bool watched = !largest_scores.values().empty();
        Matrix<T> scores(watched ? batch.texts() : 0, config_.heads);
        for (std::size_t text = 0; text < scores.rows(); ++text) std::ranges::copy(std::as_const(largest_scores).row(i), scores.row(text).begin());
        share_texts(batch, threads, [&](std::size_t number, std::size_t begin, std::size_t count, unsigned inner) {
            const Qkv<T> text = all.rows(begin, count);
            if (config_.rope) {
                rotate(text.q, angles_);
                rotate(text.k, angles_);
            }
            attention<T>(text.q, text.k, text.v, attention_shape(i), heads.row_range(begin, count), {kernels_, inner},
                         watched ? scores.row(number) : std::span<T>());
        });
        for (std::size_t text = 0; text < scores.rows(); ++text)
            for (std::size_t head = 0; head < config_.heads; ++head)
                largest_scores(i, head) = std::max(largest_scores(i, head), scores(text, head));
        project(layer.attention_output, heads_in(layer, to, tokens, threads), middle, threads);
        add_rows(x, middle, threads);
    }
    /// Whether something is done to what attention gives in front of its output projection.
    bool heads_apart(const LayerParts<Part, Part>& layer) const { return layer.attention_sub_norm || rounding != 0; }
    /// The input of the attention's output projection.
    MatrixView<const T> heads_in(const LayerParts<Part, Part>& layer, const LayerTape<T>& to, std::size_t tokens, unsigned threads) const {
        const MatrixView<T> heads = to.heads.rows(tokens), in = to.heads_in.rows(tokens);
        if (!heads_apart(layer)) return heads;
        if (layer.attention_sub_norm)
            normalise(*layer.attention_sub_norm, heads, in, threads);
        else
            copy_rows(heads, in, threads);
        round_inputs(in, threads);
        return in;
    }
    /// wide = act(gate)·up, or act(up) where there is no gate.
    void combine(const LayerTape<T>& to, MatrixView<T> wide, bool gated, unsigned threads) const {
        each_row(wide.rows, threads, [&](std::size_t t) {
            const std::span<const T> up = to.up.view().row(t), gate = to.gate.view().row(t);
            if (gated)
                activate_gated<T>(config_.activation, gate, up, wide.row(t), *kernels_);
            else
                activate<T>(config_.activation, up, wide.row(t), *kernels_);
        });
    }
    /// The second half: from layer(i).middle to `out`, or only as far as a backward pass needs it.
    void feed_forward(std::size_t i, const Tape<T>& tape, std::size_t tokens, std::optional<MatrixView<T>> out,
                      unsigned threads) const {
        const LayerParts<Part, Part>& layer = layers_[i];
        const LayerTape<T>& to = tape.layer(i);
        const MatrixView<T> middle = to.middle.rows(tokens), normal = to.mlp_normal.rows(tokens), wide = to.wide.rows(tokens);
        normalise(layer.mlp_norm, middle, normal, threads);
        round_inputs(normal, threads);
        if (layer.gate) project(*layer.gate, normal, to.gate.rows(tokens), threads);
        project(layer.up, normal, to.up.rows(tokens), threads);
        combine(to, wide, layer.gate.has_value(), threads);
        if (layer.mlp_sub_norm) normalise(*layer.mlp_sub_norm, wide, wide, threads);
        round_inputs(wide, threads);
        if (!out) return;
        project(layer.down, wide, *out, threads);
        add_rows(middle, *out, threads);
    }

    std::vector<MatrixView<T>> written(std::size_t i, const Tape<T>& tape, std::size_t tokens) const {
        return tape.layer(i).written(tokens, layers_[i].gate.has_value(), heads_apart(layers_[i]));
    }
    /// Makes layer(i) what the forward pass left there, where other layers have used its buffers since.
    void bring_back(std::size_t i, const Batch& batch, const Tape<T>& tape, unsigned threads) {
        const std::size_t tokens = batch.ids.size();
        if (tape.keep() == Keep::rounded) tape.take_out(i, written(i, tape, tokens), threads);
        if (tape.keep() != Keep::inputs) return;
        read_layer(i, batch, tape, threads);
        feed_forward(i, tape, tokens, std::nullopt, threads);
    }

    /// dx: in, the gradient behind the layer; out, the one at layer(i).middle.
    void feed_forward_backward(std::size_t i, const Tape<T>& tape, MatrixView<T> dx, unsigned threads) {
        const LayerParts<Part, Part>& layer = layers_[i];
        const LayerTape<T>& from = tape.layer(i);
        const std::size_t tokens = dx.rows;
        const MatrixView<T> dgate = slopes_->gate.rows(tokens), dup = slopes_->up.rows(tokens), dnormal = slopes_->normal.rows(tokens);
        const MatrixView<T> wide = from.wide.rows(tokens);
        project_backward(layer.down, wide, dx, dup, T(0), threads);
        if (layer.mlp_sub_norm) {
            combine(from, wide, layer.gate.has_value(), threads);  // what the norm was given; its result has done its work
            clear_rows(dgate, threads);
            normalise_backward(*layer.mlp_sub_norm, wide, dup, dgate, threads);
            copy_rows(dgate, dup, threads);
        }
        combine_backward(from, dgate, dup, layer.gate.has_value(), threads);
        const MatrixView<T> normal = from.mlp_normal.rows(tokens);
        project_backward(layer.up, normal, dup, dnormal, T(0), threads);
        if (layer.gate) project_backward(*layer.gate, normal, dgate, dnormal, T(1), threads);
        normalise_backward(layer.mlp_norm, from.middle.rows(tokens), dnormal, dx, threads);
    }
    /// dup: in, the gradient of act(gate)·up; out, that of up. dgate: out, that of gate.
    void combine_backward(const LayerTape<T>& from, MatrixView<T> dgate, MatrixView<T> dup, bool gated, unsigned threads) const {
        each_piece(dup.rows, threads, [&](std::size_t begin, std::size_t count) {
            std::vector<T> work(dup.cols);
            for (std::size_t t = begin; t < begin + count; ++t) {
                const std::span<const T> up = from.up.view().row(t), gate = from.gate.view().row(t);
                if (gated)
                    activate_gated_backward<T>(config_.activation, gate, up, dup.row(t), dgate.row(t), work, *kernels_);
                else
                    activate_backward<T>(config_.activation, up, dup.row(t), dup.row(t));
            }
        });
    }

    /// dx: in, the gradient at layer(i).middle; out, the one at stream(i).
    void attend_backward(std::size_t i, const Batch& batch, const Tape<T>& tape, MatrixView<T> dx, unsigned threads, const QkvSlope& more) {
        const LayerParts<Part, Part>& layer = layers_[i];
        const LayerTape<T>& from = tape.layer(i);
        const std::size_t tokens = dx.rows;
        const MatrixView<T> dheads = slopes_->heads.rows(tokens), dqkv = slopes_->qkv.rows(tokens), dnormal = slopes_->normal.rows(tokens);
        project_backward(layer.attention_output, (heads_apart(layer) ? from.heads_in : from.heads).rows(tokens), dx, dheads, T(0), threads);
        if (layer.attention_sub_norm) {
            const MatrixView<T> inner = from.heads_in.rows(tokens);  // has done its work
            clear_rows(inner, threads);
            normalise_backward(*layer.attention_sub_norm, from.heads.rows(tokens), dheads, inner, threads);
            copy_rows(inner, dheads, threads);
        }
        const Qkv<T> all(from.qkv.rows(tokens), config_), gradients(dqkv, config_);
        share_texts(batch, threads, [&](std::size_t, std::size_t begin, std::size_t count, unsigned inner) {
            const Qkv<T> text = all.rows(begin, count), to = gradients.rows(begin, count);
            attention_backward<T>(text.q, text.k, text.v, from.heads.rows(tokens).row_range(begin, count),
                                  dheads.row_range(begin, count), attention_shape(i), to.q, to.k, to.v, {kernels_, inner});
        });
        if (more) more(from.qkv.rows(tokens), dqkv);
        if (config_.rope)
            share_texts(batch, threads, [&](std::size_t, std::size_t begin, std::size_t count, unsigned) {
                rotate_backward(gradients.q.row_range(begin, count), angles_);
                rotate_backward(gradients.k.row_range(begin, count), angles_);
            });
        std::size_t column = 0;
        for (const Part& part : layer.qkv) {
            const std::size_t outputs = parameters_[part.weight].value.rows();
            project_backward(part, from.normal.rows(tokens), dqkv.col_range(column, outputs), dnormal, column == 0 ? T(0) : T(1), threads);
            column += outputs;
        }
        normalise_backward(layer.attention_norm, tape.stream(i, tokens), dnormal, dx, threads);
    }

    ModelConfig config_;
    Parameters<T> parameters_;
    const Kernels* kernels_;
    std::vector<LayerParts<Part, Part>> layers_{};
    Part final_norm_{};
    std::size_t embedding_ = 0, head_ = 0, positions_ = Parameters<T>::none;
    RopeAngles<T> angles_{};
    std::optional<SlopeTape<T>> slopes_{};
};

}  // namespace bitnet::inline BITNET_ABI
