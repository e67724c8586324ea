/// How well a network that learns predicts a text, without being written to a file first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/eval/perplexity.hpp>
#include <bitnet/nn/cross_entropy.hpp>
#include <bitnet/nn/kl_divergence.hpp>
#include <bitnet/train/network.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// A network, and its hidden states and logits of a batch.
struct Reader {
    static constexpr std::size_t rows_at_once = 256;
    Network<float>& network;
    Tape<float> tape;
    Scratch<float> hidden, logits;

    Reader(Network<float>& of, std::size_t tokens)
        : network(of), tape(of.config(), tokens, Keep::nothing), hidden(tokens, of.config().hidden_size), logits(rows_at_once, of.vocabulary()) {}
    void read(const Batch& batch, unsigned threads) { network.forward(batch, tape, hidden.rows(batch.ids.size()), threads); }
    /// Logits of tokens begin ... begin + count - 1.
    MatrixView<const float> predict(std::size_t begin, std::size_t count, unsigned threads) {
        network.logits(hidden.rows(begin + count).row_range(begin, count), logits.rows(count), threads);
        return logits.rows(count);
    }
};

}  // namespace detail

/// The same as perplexity() of a Transformer with these weights, several windows at once.
/// original: whose predictions these are compared with, if any
/// Errors  errc::bad_value: no token to score, an option out of its range, a token id beyond the vocabulary; errc::bad_shape: an
///         original of another vocabulary
inline Perplexity evaluate(Network<float>& network, std::span<const std::vector<std::uint32_t>> documents,
                           const PerplexityOptions& options, unsigned threads, Network<float>* original = nullptr) {
    const std::vector<detail::Window> windows = detail::checked_windows(documents, options);
    const std::size_t most = std::max<std::size_t>(2048, options.context);
    if (original != nullptr && original->vocabulary() != network.vocabulary())
        throw error(errc::bad_shape, message("the original knows ", original->vocabulary(), " tokens and this model ", network.vocabulary()));
    std::vector<detail::Reader> readers;
    readers.emplace_back(network, most);
    if (original != nullptr) readers.emplace_back(*original, most);
    Perplexity out;
    for (std::size_t next = 0; next < windows.size();) {
        Batch batch;
        for (; next < windows.size(); ++next) {
            const detail::Window& window = windows[next];
            if (batch.ids.size() + window.end - window.begin > most) break;
            const std::size_t first = batch.ids.size();
            batch.add(std::span(documents[window.document]).subspan(window.begin, window.end - window.begin));
            for (std::size_t t = first; t + 1 < first + window.scored - window.begin; ++t) batch.targets[t] = Batch::no_target;
        }
        for (detail::Reader& reader : readers) reader.read(batch, threads);
        std::vector<double> nll(batch.ids.size()), divergence(nll.size());
        for (std::size_t begin = 0; begin < nll.size(); begin += detail::Reader::rows_at_once) {
            const std::size_t count = std::min(detail::Reader::rows_at_once, nll.size() - begin);
            std::vector<MatrixView<const float>> rows;
            rows.reserve(readers.size());
            for (detail::Reader& reader : readers) rows.push_back(reader.predict(begin, count, threads));
            parallel_for(count, 16, threads, [&](std::size_t first, std::size_t last) {
                std::vector<float> work(original == nullptr ? 0 : network.vocabulary());
                for (std::size_t t = first; t < last; ++t) {
                    if (batch.targets[begin + t] == Batch::no_target) continue;
                    nll[begin + t] = cross_entropy<float>(rows[0].row(t), batch.targets[begin + t]);
                    if (original != nullptr)
                        divergence[begin + t] = kl_divergence<float>(rows[1].row(t), rows[0].row(t), std::span(work), network.kernels());
                }
            });
        }
        for (const double value : nll) out.nll += value;
        for (const double value : divergence) out.divergence += value;
        out.tokens += batch.scored();
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
