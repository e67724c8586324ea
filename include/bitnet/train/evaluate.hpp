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
#include <bitnet/train/network.hpp>
#include <bitnet/train/tape.hpp>

namespace bitnet::inline BITNET_ABI {

/// The same as perplexity() of a Transformer with these weights, several windows at once.
/// Errors  errc::bad_value: no token to score, an option out of its range, a token id beyond the vocabulary
inline Perplexity evaluate(Network<float>& network, std::span<const std::vector<std::uint32_t>> documents,
                           const PerplexityOptions& options, unsigned threads) {
    const std::vector<detail::Window> windows = detail::checked_windows(documents, options);
    const std::size_t most = std::max<std::size_t>(2048, options.context), rows_at_once = 256;
    const Tape<float> tape(network.config(), most, Keep::nothing);
    const Scratch<float> hidden(most, network.config().hidden_size), logits(rows_at_once, network.vocabulary());
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
        const MatrixView<float> states = hidden.rows(batch.ids.size());
        network.forward(batch, tape, states, threads);
        std::vector<double> nll(batch.ids.size());
        for (std::size_t begin = 0; begin < nll.size(); begin += rows_at_once) {
            const MatrixView<float> rows = logits.rows(std::min(rows_at_once, nll.size() - begin));
            network.logits(states.row_range(begin, rows.rows), rows, threads);
            parallel_for(rows.rows, 16, threads, [&](std::size_t first, std::size_t last) {
                for (std::size_t t = first; t < last; ++t)
                    if (batch.targets[begin + t] != Batch::no_target)
                        nll[begin + t] = cross_entropy<float>(rows.row(t), batch.targets[begin + t]);
            });
        }
        for (const double value : nll) out.nll += value;
        out.tokens += batch.scored();
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
