/// Texts on their way through a network, layer by layer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/matrix.hpp>
#include <bitnet/io/scratch_memory.hpp>
#include <bitnet/train/network.hpp>

namespace bitnet::inline BITNET_ABI {

/// The residual streams of some batches in front of one layer of a network, and what its stages are given there. Memory: a hidden
/// state for each token, in a file without a name where that is more than `most_bytes`, and the activations of one batch in one layer.
///
/// Errors  errc::io where there is no space for that file
class TextStreams {
public:
    /// Those in front of the first layer.
    TextStreams(Network<float>& network, std::span<const Batch> texts, std::size_t most_bytes = std::size_t{1} << 32)
        : network_(network), texts_(texts), tape_(network.config(), most_tokens(texts), Keep::nothing) {
        const std::size_t width = network.config().hidden_size;
        std::size_t tokens = 0;
        for (const Batch& text : texts) tokens += text.ids.size();
        if (tokens * width * sizeof(float) > most_bytes)
            on_disk_ = ScratchMemory(tokens * width * sizeof(float));
        else
            in_memory_.resize(tokens * width);
        float* place = on_disk_.bytes().empty() ? in_memory_.data() : reinterpret_cast<float*>(on_disk_.bytes().data());
        streams_.reserve(texts.size());
        for (std::size_t b = 0; b < texts.size(); ++b) {
            streams_.push_back({place, texts[b].ids.size(), width, width});
            place += texts[b].ids.size() * width;
            network.begin(texts[b], tape_);
            save(b, 0);
        }
    }
    TextStreams(const TextStreams&) = delete;
    TextStreams& operator=(const TextStreams&) = delete;

    Network<float>& network() const noexcept { return network_; }
    const Tape<float>& tape() const noexcept { return tape_; }
    /// (tokens of that batch, hidden_size)
    MatrixView<const float> operator[](std::size_t b) const { return streams_[b]; }
    /// Into tape().stream(layer).
    void load(std::size_t b, std::size_t layer) { copy_rows<float>(streams_[b], tape_.stream(layer, streams_[b].rows), 1); }
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
    void save(std::size_t b, std::size_t layer) { copy_rows<float>(tape_.stream(layer, streams_[b].rows), streams_[b], 1); }

    Network<float>& network_;
    std::span<const Batch> texts_;
    Tape<float> tape_;
    std::vector<float> in_memory_{};
    ScratchMemory on_disk_{};
    std::vector<MatrixView<float>> streams_{};
};

}  // namespace bitnet::inline BITNET_ABI
