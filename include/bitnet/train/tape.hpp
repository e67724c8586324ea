/// What a forward pass leaves for the backward pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <bitnet/core/half.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/rows.hpp>
#include <bitnet/model/model_config.hpp>

namespace bitnet::inline BITNET_ABI {

/// Some texts, one behind the other without padding: text i is ids[begins[i]] ... ids[begins[i + 1] - 1].
struct Batch {
    static constexpr std::uint32_t no_target = std::numeric_limits<std::uint32_t>::max();

    std::vector<std::uint32_t> ids{};
    std::vector<std::uint32_t> targets{};  ///< what should follow each token, or no_target
    std::vector<std::size_t> begins{0};    ///< of the texts, and the end of the last

    std::size_t texts() const { return begins.size() - 1; }
    std::size_t longest() const {
        std::size_t most = 0;
        for (std::size_t i = 0; i < texts(); ++i) most = std::max(most, begins[i + 1] - begins[i]);
        return most;
    }
    /// A text each of whose tokens but the last is followed by the next one.
    void add(std::span<const std::uint32_t> text) {
        if (text.empty()) return;
        ids.insert(ids.end(), text.begin(), text.end());
        targets.insert(targets.end(), text.begin() + 1, text.end());
        targets.push_back(no_target);
        begins.push_back(ids.size());
    }
    /// Tokens that have a target.
    std::size_t scored() const {
        return static_cast<std::size_t>(std::count_if(targets.begin(), targets.end(), [](auto id) { return id != no_target; }));
    }
};

/// What is kept of the activations.
enum class Keep {
    everything,  ///< for a backward pass as fast as can be
    rounded,     ///< everything, in BF16: about half the memory; the loss is the same, its gradients see the rounding
    inputs,      ///< each layer's input; the rest is computed again on the way back: a third more time, far less memory
    nothing,     ///< no backward pass will follow
};

/// Activations of one layer; N tokens of a batch.
template <class T>
struct LayerTape {
    Scratch<T> normal, qkv, heads, heads_in, middle, mlp_normal, gate, up, wide;

    LayerTape(const ModelConfig& config, std::size_t tokens)
        : normal(tokens, config.hidden_size),                                        // input of the projections below
          qkv(tokens, (config.heads + 2 * config.kv_heads) * config.head_dim),       // rotated
          heads(tokens, config.heads * config.head_dim),                             // what attention gives
          heads_in(tokens, config.heads * config.head_dim),                          // input of its output projection
          middle(tokens, config.hidden_size),                                        // residual stream after attention
          mlp_normal(tokens, config.hidden_size),                                    // input of gate and up
          gate(tokens, config.intermediate_size), up(tokens, config.intermediate_size),
          wide(tokens, config.intermediate_size) {}                                  // input of down

    /// Those that a layer writes: with or without a gate, with or without something between attention and its projection.
    std::vector<MatrixView<T>> written(std::size_t tokens, bool gated, bool heads_apart) const {
        std::vector<MatrixView<T>> out;
        for (const Scratch<T>* const one : {&normal, &qkv, &heads, &middle, &mlp_normal, &up, &wide}) out.push_back(one->rows(tokens));
        if (gated) out.push_back(gate.rows(tokens));
        if (heads_apart) out.push_back(heads_in.rows(tokens));
        return out;
    }
};

/// Gradients on their way back through a layer.
template <class T>
struct SlopeTape {
    Scratch<T> stream, normal, qkv, heads, gate, up;

    SlopeTape(const ModelConfig& config, std::size_t tokens)
        : stream(tokens, config.hidden_size), normal(tokens, config.hidden_size),
          qkv(tokens, (config.heads + 2 * config.kv_heads) * config.head_dim), heads(tokens, config.heads * config.head_dim),
          gate(tokens, config.intermediate_size), up(tokens, config.intermediate_size) {}
};

/// Queries, keys and values in rows of all three.
template <class T>
struct Qkv {
    MatrixView<T> q, k, v;

    Qkv(MatrixView<T> all, const ModelConfig& config)
        : q(all.col_range(0, config.heads * config.head_dim)),
          k(all.col_range(q.cols, config.kv_heads * config.head_dim)),
          v(all.col_range(q.cols + k.cols, k.cols)) {}
    Qkv rows(std::size_t first, std::size_t count) const {
        Qkv out = *this;
        for (MatrixView<T>* const part : {&out.q, &out.k, &out.v}) *part = part->row_range(first, count);
        return out;
    }
};

/// Buffers of one batch size, used again step after step: fresh memory would cost more than what is written to it.
template <class T>
class Tape {
public:
    /// Room for batches of up to `tokens`.
    Tape(const ModelConfig& config, std::size_t tokens, Keep keep) : keep_(keep), tokens_(tokens) {
        const std::size_t layers = std::max<std::size_t>(1, config.layers);
        for (std::size_t i = 0; i < (keep == Keep::everything ? layers : 1); ++i) layers_.emplace_back(config, tokens);
        for (std::size_t i = 0; i < (keep == Keep::nothing ? 2 : config.layers + 1); ++i)
            streams_.emplace_back(tokens, config.hidden_size);
        std::size_t cols = 0;
        for (const MatrixView<T>& one : layers_.front().written(0, true, true)) cols += one.cols;
        for (std::size_t i = 0; keep == Keep::rounded && i < layers; ++i) rounded_.emplace_back(tokens, cols);
    }

    Keep keep() const noexcept { return keep_; }
    /// The most that fit.
    std::size_t tokens() const noexcept { return tokens_; }
    const LayerTape<T>& layer(std::size_t i) const { return layers_[i % layers_.size()]; }
    /// The residual stream in front of layer i; behind the last one for i = layers.
    MatrixView<T> stream(std::size_t i, std::size_t tokens) const { return streams_[i % streams_.size()].rows(tokens); }

    /// Keep::rounded: layer i's activations, some with as many rows, into BF16.
    void put_away(std::size_t i, const std::vector<MatrixView<T>>& activations, unsigned threads) const {
        move_rows(i, activations, threads, [](std::span<T> from, BFloat16* to) {
            std::ranges::transform(from, to, [](T x) { return to_bfloat16(static_cast<float>(x)); });
        });
    }
    /// The same views again: what put_away was given, rounded.
    void take_out(std::size_t i, const std::vector<MatrixView<T>>& activations, unsigned threads) const {
        move_rows(i, activations, threads, [](std::span<T> to, const BFloat16* from) {
            std::ranges::transform(from, from + to.size(), to.begin(), [](BFloat16 x) { return static_cast<T>(to_float(x)); });
        });
    }

private:
    /// Calls move(row of a view, its place in BF16): a token's activations stand in one row, one view behind the other.
    template <class Move>
    void move_rows(std::size_t i, const std::vector<MatrixView<T>>& activations, unsigned threads, Move&& move) const {
        each_row(activations.front().rows, threads, [&](std::size_t t) {
            BFloat16* place = rounded_[i].view().row(t).data();
            for (const MatrixView<T>& one : activations) {
                move(one.row(t), place);
                place += one.cols;
            }
        });
    }

    Keep keep_;
    std::size_t tokens_;
    std::vector<LayerTape<T>> layers_{};
    std::vector<Scratch<T>> streams_{};
    std::vector<Scratch<BFloat16>> rounded_{};
};

}  // namespace bitnet::inline BITNET_ABI
