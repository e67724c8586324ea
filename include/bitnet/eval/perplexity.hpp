/// How well a model predicts a text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/model/transformer.hpp>
#include <bitnet/nn/cross_entropy.hpp>

namespace bitnet::inline BITNET_ABI {

/// Which tokens see which others.
struct PerplexityOptions {
    std::size_t context = 512;  ///< tokens of a window, 2 or more
    std::size_t stride = 512;   ///< tokens from the begin of one window to that of the next, 1 ... context
};

struct Perplexity {
    std::size_t tokens = 0;  ///< scored
    double nll = 0;          ///< their negative log-likelihood, natural logarithm
    double divergence = 0;   ///< Σ KL(original ‖ this) over their predictions, where an original was given
    double perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }
    double mean_divergence() const { return divergence / static_cast<double>(tokens); }
    bool operator==(const Perplexity&) const = default;
};

namespace detail {

struct Window {
    std::size_t document = 0, begin = 0, end = 0;
    std::size_t scored = 0;  ///< the first token that no window before it has scored
};

inline std::vector<Window> windows_of(std::span<const std::vector<std::uint32_t>> documents, const PerplexityOptions& options) {
    std::vector<Window> out;
    for (std::size_t i = 0; i < documents.size(); ++i) {
        const std::size_t length = documents[i].size();
        std::size_t scored = 1;
        for (std::size_t begin = 0; scored < length; begin += options.stride) {
            const std::size_t end = std::min(length, begin + options.context);
            scored = std::max(scored, begin + 1);  // the first token of a window has no left neighbour there
            if (scored < end) out.push_back({i, begin, end, scored});
            scored = std::max(scored, end);
        }
    }
    return out;
}

/// Those windows, of options in their ranges and of one token to score at least.
inline std::vector<Window> checked_windows(std::span<const std::vector<std::uint32_t>> documents, const PerplexityOptions& options) {
    if (options.context < 2 || options.stride < 1 || options.stride > options.context)
        throw error(errc::bad_value, message("context ", options.context, " and stride ", options.stride,
                                             ": the context is at least 2 and the stride 1 ... context"));
    std::vector<Window> windows = windows_of(documents, options);
    if (windows.empty()) throw error(errc::bad_value, "the text has no token to score: two are the least");
    return windows;
}

}  // namespace detail

/// exp(Σ -ln p / tokens). Windows of `context` tokens start every `stride` tokens; each token is scored once, in the
/// first window that holds it with a left neighbour. The first token of a document is never scored.
///
/// Windows are shared among threads, each window computed by one; sums in double in the order of the text, so that the
/// result does not depend on the number of threads. `progress` gets the windows done, from any thread, one at a time.
/// Errors  errc::bad_value: no token to score, an option out of its range, a token id beyond the vocabulary
inline Perplexity perplexity(const Transformer& model, std::span<const std::vector<std::uint32_t>> documents,
                             const PerplexityOptions& options, Execution run,
                             const std::function<void(std::size_t done, std::size_t all)>& progress = {}) {
    const std::vector<detail::Window> windows = detail::checked_windows(documents, options);
    std::vector<double> nll(windows.size());
    std::mutex told;
    std::size_t done = 0;
    const Execution alone{run.kernels, 1};
    parallel_for(windows.size(), 1, run.threads, [&](std::size_t i, std::size_t) {
        const detail::Window& window = windows[i];
        const std::span<const std::uint32_t> ids =
            std::span(documents[window.document]).subspan(window.begin, window.end - window.begin);
        KvCache<float> cache = model.new_cache();
        const Matrix<float> hidden = model.forward(ids, cache, alone);
        constexpr std::size_t rows_at_once = 64;
        Matrix<float> logits(rows_at_once, model.vocabulary());
        for (std::size_t t = window.scored - window.begin - 1; t + 1 < ids.size(); t += rows_at_once) {
            const std::size_t rows = std::min(rows_at_once, ids.size() - 1 - t);
            model.logits(hidden.view().row_range(t, rows), logits.view().row_range(0, rows), alone);
            for (std::size_t r = 0; r < rows; ++r)
                nll[i] += cross_entropy(std::as_const(logits).row(r), ids[t + r + 1]);
        }
        const std::lock_guard lock(told);
        if (progress) progress(++done, windows.size());
    });
    Perplexity out;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        out.tokens += windows[i].end - windows[i].scored;
        out.nll += nll[i];
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
