/// Texts on their way through a network, layer by layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/matrix.hpp>
#include <bitnet/train/network.hpp>

namespace bitnet::inline BITNET_ABI {

/// The residual streams of some batches in front of one layer of a network, and what its stages are given there. Memory: a hidden
/// state for each token, and the activations of one batch in one layer.
class TextStreams {
public:
    /// Those in front of the first layer.
    TextStreams(Network<float>& network, std::span<const Batch> texts) : network_(network), texts_(texts), tape_(network.config(), most_tokens(texts), Keep::nothing) {
        for (std::size_t b = 0; b < texts.size(); ++b) {
            network.begin(texts[b], tape_);
            streams_.emplace_back(texts[b].ids.size(), network.config().hidden_size);
            save(b, 0);
        }
    }

    Network<float>& network() const noexcept { return network_; }
    const Tape<float>& tape() const noexcept { return tape_; }
    /// (tokens of that batch, hidden_size)
    const Matrix<float>& operator[](std::size_t b) const { return streams_[b]; }
    /// Into tape().stream(layer).
    void load(std::size_t b, std::size_t layer) { copy_rows<float>(streams_[b].view(), tape_.stream(layer, streams_[b].rows()), 1); }
    /// What a stage is given in that batch, and the stream that its result is added to; both stand until the tape is used again.
    std::pair<MatrixView<const float>, MatrixView<const float>> stage_input(std::size_t b, std::size_t layer, Stage stage, unsigned threads) {
        load(b, layer);
        MatrixView<const float> stream;
        const MatrixView<const float> input = network_.stage_input(layer, stage, texts_[b], tape_, stream, threads);
        return {input, stream};
    }
    /// From in front of the layer to behind it.
    void advance(std::size_t layer, unsigned threads) {
        for (std::size_t b = 0; b < texts_.size(); ++b) {
            load(b, layer);
            network_.run_layer(layer, texts_[b], tape_, threads);
            save(b, layer + 1);
        }
    }

private:
    static std::size_t most_tokens(std::span<const Batch> texts) {
        std::size_t most = 0;
        for (const Batch& text : texts) most = std::max(most, text.ids.size());
        return most;
    }
    void save(std::size_t b, std::size_t layer) { copy_rows<float>(tape_.stream(layer, streams_[b].rows()), streams_[b].view(), 1); }

    Network<float>& network_;
    std::span<const Batch> texts_;
    Tape<float> tape_;
    std::vector<Matrix<float>> streams_{};
};

}  // namespace bitnet::inline BITNET_ABI
