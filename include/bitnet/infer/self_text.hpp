/// Texts that a model writes by itself: what a student learns from when nobody has the text that its teacher learned from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/infer/generate.hpp>

namespace bitnet::inline BITNET_ABI {

struct SelfTextOptions {
    std::size_t texts = 256;
    std::size_t tokens = 256;       ///< of each text, the first token included; at most the model's positions
    std::uint32_t first = 1;        ///< the token that begins every text
    double temperature = 1;
    std::uint64_t seed = 0;
};

/// Text i depends on the seed and i alone, not on how many there are nor on the number of threads. An end token ends
/// nothing: the model goes on as it does when it is run over several texts. `progress` gets the texts done, one at a time.
inline std::vector<std::vector<std::uint32_t>> self_text(
    const Transformer& model, const SelfTextOptions& options, Execution run,
    const std::function<void(std::size_t done, std::size_t all)>& progress = {}) {
    std::vector<std::vector<std::uint32_t>> out(options.texts);
    std::mutex told;
    std::size_t done = 0;
    const Execution alone{run.kernels, 1};
    parallel_for(options.texts, 1, run.threads, [&](std::size_t i, std::size_t) {
        const std::uint64_t seed = mix64(options.seed ^ mix64(i + 1));
        out[i] = {options.first};
        const std::vector<std::uint32_t> more =
            generate(model, out[i], options.tokens - 1, Sampler({.temperature = options.temperature, .seed = seed}), alone);
        out[i].insert(out[i].end(), more.begin(), more.end());
        const std::lock_guard lock(told);
        if (progress) progress(++done, options.texts);
    });
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
