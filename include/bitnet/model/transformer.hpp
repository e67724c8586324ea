/// A decoder that runs: token ids in, logits out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/model/kv_cache.hpp>
#include <bitnet/model/layer.hpp>
#include <bitnet/model/rope_frequencies.hpp>
#include <bitnet/nn/activation.hpp>
#include <bitnet/nn/attention.hpp>
#include <bitnet/nn/embedding.hpp>
#include <bitnet/nn/rope.hpp>

namespace bitnet::inline BITNET_ABI {

/// A model of any architecture that is known, from dense or packed weights, in FP32 arithmetic.
///
/// const calls are safe from several threads, each with its own cache. Results do not depend on the number of threads.
class Transformer {
public:
    /// Reads all weights: matrices stay as their files have them, in 32 bits, in 16 or packed. `activations` is for packed
    /// linear layers.
    explicit Transformer(const ModelWeights& weights, ActivationPrecision activations, Execution run)
        : config_(weights.config()) {
        const Architecture& family = architecture_named(config_.architecture);
        const PartReader parts(weights, activations, run);
        embedding_ = parts.table(std::string(family.token_embedding));
        if (!family.parts.position_embedding.empty())
            positions_ = weights.dense(std::string(family.parts.position_embedding), run);
        for (std::size_t i = 0; i < config_.layers; ++i) layers_.push_back(parts.layer(family.parts, i));
        final_norm_ = parts.norm(std::string(family.parts.final_norm));
        if (!weights.tied_head()) head_ = parts.table(std::string(lm_head_name));
    }

    const ModelConfig& config() const noexcept { return config_; }
    const std::vector<DecoderLayer>& layers() const noexcept { return layers_; }
    /// Rows of the output: logits for each token.
    std::size_t vocabulary() const { return head().outputs(); }
    /// The output layer: the embedding's table where they are tied.
    const Projection& head() const noexcept { return head_ ? *head_ : embedding_; }
    KvCache<float> new_cache() const { return {config_.layers, config_.kv_heads * config_.head_dim}; }

    /// Reads tokens behind those in the cache; their last hidden states, normalised: (T, hidden_size).
    ///
    /// Errors  errc::bad_value for an id beyond the vocabulary and for more tokens than the model has positions;
    ///         errc::not_finite naming the first layer behind which a hidden state is NaN or infinite
    Matrix<float> forward(std::span<const std::uint32_t> ids, KvCache<float>& cache, Execution run) const {
        constexpr std::size_t tokens_at_once = 512;  // bounds the memory of a long prompt
        const RopeAngles<float> rope = angles(cache.length(), ids.size());
        Matrix<float> out(ids.size(), config_.hidden_size);
        const Workspace work(config_, layers_, std::min(tokens_at_once, ids.size()));
        for (std::size_t begin = 0; begin < ids.size(); begin += tokens_at_once) {
            const std::size_t count = std::min(tokens_at_once, ids.size() - begin);
            const Reading where{std::span(&cache, 1), cache.length(), rope, begin};
            read(ids.subspan(begin, count), where, out.view().row_range(begin, count), work, run);
        }
        return out;
    }
    /// One token more for each of several texts, ids[i] behind what is in caches[i]; all of one length: (texts, hidden_size).
    ///
    /// A text's hidden states may differ in their last bits from those that forward gives it alone, since products of more
    /// rows add in another order; with as many texts beside it, whatever they are, they are the same.
    ///
    /// Errors  those of forward; errc::bad_shape for caches of other lengths, or not one for each id
    Matrix<float> forward_each(std::span<const std::uint32_t> ids, std::span<KvCache<float>> caches, Execution run) const {
        Matrix<float> out(ids.size(), config_.hidden_size);
        if (ids.size() != caches.size()) throw error(errc::bad_shape, message(ids.size(), " tokens for ", caches.size(), " texts"));
        if (ids.empty()) return out;
        const std::size_t first = caches[0].length();
        for (const KvCache<float>& cache : caches)
            if (cache.length() != first)
                throw error(errc::bad_shape, message("texts of ", first, " and of ", cache.length(), " tokens cannot be read in step"));
        const RopeAngles<float> rope = angles(first, 1);
        read(ids, {caches, first, rope, 0}, out.view(), Workspace(config_, layers_, ids.size()), run);
        return out;
    }
    /// Logits of hidden states that forward returned.  hidden: (T, hidden_size)  out: (T, vocabulary())
    void logits(MatrixView<const float> hidden, MatrixView<float> out, Execution run) const {
        head().forward(hidden, out, run);
    }

private:
    /// What is computed between the norms of a layer, used by one after the other.
    struct Workspace {
        Scratch<float> normal, qkv, heads, wide, gate;

        Workspace(const ModelConfig& config, const std::vector<DecoderLayer>& layers, std::size_t tokens)
            : normal(tokens, config.hidden_size),
              qkv(tokens, (config.heads + 2 * config.kv_heads) * config.head_dim),
              heads(tokens, config.heads * config.head_dim),
              wide(tokens, layers.empty() ? 0 : layers.front().up.outputs()),
              gate(tokens, layers.empty() || !layers.front().gate ? 0 : layers.front().up.outputs()) {}
    };

    /// Where tokens that are read together stand: one behind the other in one text, or each at the end of a text of its own.
    struct Reading {
        std::span<KvCache<float>> texts;  ///< one, or as many as tokens
        std::size_t first;                ///< the first token's position
        const RopeAngles<float>& rope;
        std::size_t turn;                 ///< row of `rope` for the first token

        bool apart() const { return texts.size() > 1; }
        std::size_t behind(std::size_t token) const { return apart() ? 0 : token; }  ///< the first one
        KvCache<float>& text(std::size_t token) const { return texts[apart() ? token : 0]; }
    };

    /// Of `count` tokens from position `first` on.
    RopeAngles<float> angles(std::size_t first, std::size_t count) const {
        if (positions_.rows() != 0 && first + count > positions_.rows())
            throw error(errc::bad_value, message("a text of ", first + count, " tokens is longer than the ", positions_.rows(),
                                                 " positions of this model"));
        if (!config_.rope) return {};
        const RopeFrequencies turns = rope_frequencies(*config_.rope, config_.head_dim, config_.max_positions, first + count);
        return {turns.frequencies, turns.magnitude, first, count};
    }

    void read(std::span<const std::uint32_t> ids, const Reading& where, MatrixView<float> x, const Workspace& work, Execution run) const {
        embed(embedding_.outputs(), ids, x, [&](std::uint32_t id, std::span<float> row) { embedding_.weight_row(id, row, run); });
        for (std::size_t t = 0; positions_.rows() != 0 && t < x.rows; ++t)
            for (std::size_t c = 0; c < x.cols; ++c) x(t, c) += positions_(where.first + where.behind(t), c);
        for (KvCache<float>& text : where.texts) text.grow(ids.size() / where.texts.size());
        for (std::size_t i = 0; i < layers_.size(); ++i) {
            attend(i, where, x, work, run);
            feed_forward(layers_[i], x, work, run);
            require_finite(i, where, x, run);
        }
        normalise(final_norm_, x, x, run);
    }

    void attend(std::size_t i, const Reading& where, MatrixView<float> x, const Workspace& work, Execution run) const {
        const DecoderLayer& layer = layers_[i];
        const std::size_t d = config_.head_dim, wide = config_.heads * d, kv_wide = config_.kv_heads * d;
        const MatrixView<float> normal = work.normal.rows(x.rows), qkv = work.qkv.rows(x.rows), heads = work.heads.rows(x.rows);
        normalise(layer.attention_norm, x, normal, run);
        std::size_t column = 0;
        for (const Projection& part : layer.qkv) {
            part.forward(normal, qkv.col_range(column, part.outputs()), run);
            column += part.outputs();
        }
        each_part(x.rows, run, [&](std::size_t begin, std::size_t count) {
            for (std::size_t t = begin; t < begin + count; ++t) {
                const std::size_t behind = where.behind(t);
                if (config_.rope)  // keys follow queries: one call for both
                    rotate(qkv.row_range(t, 1).col_range(0, wide + kv_wide), where.rope, where.turn + behind);
                const std::span<const float> row = qkv.row(t);
                const KvCache<float>::Layer cache = where.text(t).layer(i);
                std::ranges::copy(row.subspan(wide, kv_wide), cache.keys.row(where.first + behind).begin());
                std::ranges::copy(row.subspan(wide + kv_wide, kv_wide), cache.values.row(where.first + behind).begin());
            }
        });
        const AttentionShape shape{config_.heads, config_.kv_heads, d, config_.attention_scale(i), config_.window(i)};
        const std::size_t tokens = x.rows / where.texts.size();  // of each text
        parallel_for(where.texts.size(), 1, where.apart() ? run.threads : 1, [&](std::size_t text, std::size_t) {
            const KvCache<float>::Layer cache = where.texts[text].layer(i);
            attention<float>(qkv.row_range(text * tokens, tokens).col_range(0, wide), cache.keys, cache.values, shape,
                             heads.row_range(text * tokens, tokens), {run.kernels, where.apart() ? 1 : run.threads});
        });
        if (layer.attention_sub_norm) normalise(*layer.attention_sub_norm, heads, heads, run);
        layer.attention_output.forward(heads, normal, run);
        add(normal, x, run);
    }

    void feed_forward(const DecoderLayer& layer, MatrixView<float> x, const Workspace& work, Execution run) const {
        const MatrixView<float> normal = work.normal.rows(x.rows), wide = work.wide.rows(x.rows);
        normalise(layer.mlp_norm, x, normal, run);
        layer.up.forward(normal, wide, run);
        if (layer.gate) {
            const MatrixView<float> gate = work.gate.rows(x.rows);
            layer.gate->forward(normal, gate, run);
            each_part(gate.rows, run, [&](std::size_t begin, std::size_t count) {
                for (std::size_t t = begin; t < begin + count; ++t) {
                    activate(config_.activation, gate.row(t), *run.kernels);
                    for (std::size_t c = 0; c < wide.cols; ++c) wide(t, c) *= gate(t, c);
                }
            });
        } else {
            each_part(wide.rows, run, [&](std::size_t begin, std::size_t count) {
                for (std::size_t t = begin; t < begin + count; ++t) activate(config_.activation, wide.row(t), *run.kernels);
            });
        }
        if (layer.mlp_sub_norm) normalise(*layer.mlp_sub_norm, wide, wide, run);
        layer.down.forward(wide, normal, run);
        add(normal, x, run);
    }

    /// Calls work(begin, count) for some tokens at a time.
    template <class Work>
    static void each_part(std::size_t tokens, Execution run, Work&& work) {
        parallel_for(tokens, 32, run.threads, [&](std::size_t begin, std::size_t end) { work(begin, end - begin); });
    }
    static void normalise(const Norm& norm, MatrixView<const float> x, MatrixView<float> y, Execution run) {
        each_part(x.rows, run, [&](std::size_t begin, std::size_t count) {
            norm.forward(x.row_range(begin, count), y.row_range(begin, count));
        });
    }
    static void add(MatrixView<const float> change, MatrixView<float> x, Execution run) {
        each_part(x.rows, run, [&](std::size_t begin, std::size_t count) {
            for (std::size_t t = begin; t < begin + count; ++t)
                for (std::size_t c = 0; c < x.cols; ++c) x(t, c) += change(t, c);
        });
    }
    static void require_finite(std::size_t layer, const Reading& where, MatrixView<const float> x, Execution run) {
        each_part(x.rows, run, [&](std::size_t begin, std::size_t count) {
            for (std::size_t t = begin; t < begin + count; ++t) {
                bool finite = true;
                for (const float value : x.row(t)) finite &= is_finite(value);
                if (!finite)
                    throw error(errc::not_finite, message("layer ", layer, ": the hidden state of token ", where.first + where.behind(t),
                                                          " is not finite"));
            }
        });
    }

    ModelConfig config_;
    Projection embedding_{};
    std::optional<Projection> head_{};
    Matrix<float> positions_{};
    std::vector<DecoderLayer> layers_{};
    Norm final_norm_{};
};

}  // namespace bitnet::inline BITNET_ABI
