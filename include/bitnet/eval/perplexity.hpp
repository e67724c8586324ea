/// How well a model predicts a text.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/eval/windows.hpp>
#include <bitnet/nn/cross_entropy.hpp>

namespace bitnet::inline BITNET_ABI {

struct Perplexity {
    std::size_t tokens = 0;  ///< scored
    double nll = 0;          ///< their negative log-likelihood, natural logarithm
    double divergence = 0;   ///< Σ KL(original ‖ this) over their predictions, where an original was given
    double perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }
    double mean_divergence() const { return divergence / static_cast<double>(tokens); }
    bool operator==(const Perplexity&) const = default;
};

/// exp(Σ -ln p / tokens). Windows of `context` tokens start every `stride` tokens; each token is scored once, in the
/// first window that holds it with a left neighbour. The first token of a document is never scored.
///
/// Windows are shared among threads, each window computed by one; sums in double in the order of the text, so that the
/// result does not depend on the number of threads. `progress` gets the windows done, from any thread, one at a time.
/// Errors  errc::bad_value: no token to score, an option out of its range, a token id beyond the vocabulary
inline Perplexity perplexity(const Transformer& model, std::span<const std::vector<std::uint32_t>> documents,
                             const PerplexityOptions& options, Execution run, const WindowProgress& progress = {}) {
    const std::vector<detail::Window> windows = detail::checked_windows(documents, options);
    std::vector<double> nll(windows.size());
    const Transformer* const models[] = {&model};
    detail::score_windows(models, documents, windows, run, progress, [&](std::size_t i, std::span<const std::uint32_t> tokens, std::span<const MatrixView<const float>> logits) {
        for (std::size_t t = 0; t < tokens.size(); ++t) nll[i] += cross_entropy<float>(logits[0].row(t), tokens[t]);
    });
    Perplexity out;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        out.tokens += windows[i].end - windows[i].scored;
        out.nll += nll[i];
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
