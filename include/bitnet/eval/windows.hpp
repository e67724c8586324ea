/// Texts cut into windows in which each token is scored once, and what models predict there.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/model/transformer.hpp>

namespace bitnet::inline BITNET_ABI {

/// Which tokens see which others.
struct PerplexityOptions {
    std::size_t context = 512;  ///< tokens of a window, 2 or more
    std::size_t stride = 512;   ///< tokens from the begin of one window to that of the next, 1 ... context
};

/// Told windows done and all of them, from any thread, one at a time.
using WindowProgress = std::function<void(std::size_t done, std::size_t all)>;

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

/// Calls take(window's number, tokens, logits) for a few neighbouring tokens at a time: logits[m] are model m's predictions of those
/// tokens, (tokens, V). Windows are shared among threads, each window is one thread's work, and its tokens come in order.
///
/// Errors  those of checked_windows and Transformer::forward
template <class Take>
void score_windows(std::span<const Transformer* const> models, std::span<const std::vector<std::uint32_t>> documents, const std::vector<Window>& windows,
                   Execution run, const WindowProgress& progress, Take&& take) {
    constexpr std::size_t rows_at_once = 64;
    std::mutex told;
    std::size_t done = 0;
    const Execution alone{run.kernels, 1};
    parallel_for(windows.size(), 1, run.threads, [&](std::size_t i, std::size_t) {
        const Window& window = windows[i];
        const std::span<const std::uint32_t> ids = std::span(documents[window.document]).subspan(window.begin, window.end - window.begin);
        std::vector<Matrix<float>> hidden, buffers;
        for (const Transformer* const model : models) {
            KvCache<float> cache = model->new_cache();
            hidden.push_back(model->forward(ids, cache, alone));
            buffers.emplace_back(rows_at_once, model->vocabulary());
        }
        std::vector<MatrixView<const float>> logits(models.size());
        for (std::size_t t = window.scored - window.begin - 1; t + 1 < ids.size(); t += rows_at_once) {
            const std::size_t rows = std::min(rows_at_once, ids.size() - 1 - t);
            for (std::size_t m = 0; m < models.size(); ++m) {
                const MatrixView<float> out = buffers[m].view().row_range(0, rows);
                models[m]->logits(hidden[m].view().row_range(t, rows), out, alone);
                logits[m] = out;
            }
            take(i, ids.subspan(t + 1, rows), std::span<const MatrixView<const float>>(logits));
        }
        const std::lock_guard lock(told);
        if (progress) progress(++done, windows.size());
    });
}

}  // namespace detail

}  // namespace bitnet::inline BITNET_ABI
