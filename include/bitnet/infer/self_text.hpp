/// Texts that a model writes by itself: what a student learns from when nobody has the text that its teacher learned from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/infer/sampler.hpp>
#include <bitnet/model/transformer.hpp>

namespace bitnet::inline BITNET_ABI {

struct SelfTextOptions {
    std::size_t texts = 256;
    std::size_t tokens = 256;       ///< of each text, the first token included; at most the model's positions
    std::uint32_t first = 1;        ///< the token that begins every text
    double temperature = 1;
    std::uint64_t seed = 0;
    std::size_t from = 0;           ///< the number of the first text: those behind texts that are there already
};

/// Text i depends on the seed and i alone, not on how many there are nor on the number of threads. An end token ends
/// nothing: the model goes on as it does when it is run over several texts. `progress` gets the texts done, some at a time.
///
/// Errors  errc::bad_value for more tokens than the model has positions, and those of Sampler
inline std::vector<std::vector<std::uint32_t>> self_text(
    const Transformer& model, const SelfTextOptions& options, Execution run,
    const std::function<void(std::size_t done, std::size_t all)>& progress = {}) {
    // So many are written in step: a product then works for all of them at once. Always as many, since a product's last
    // bits depend on how many there are.
    constexpr std::size_t in_step = 32;
    if (options.tokens > model.config().max_positions)
        throw error(errc::bad_value, message("texts of ", options.tokens, " tokens: the model has ", model.config().max_positions, " positions"));
    std::vector<std::vector<std::uint32_t>> out(options.texts);
    std::mutex told;
    std::size_t done = 0;
    const Execution alone{run.kernels, 1};
    parallel_for(options.texts, in_step, run.threads, [&](std::size_t begin, std::size_t end) {
        std::vector<KvCache<float>> caches(in_step, model.new_cache());
        std::vector<Sampler> samplers;
        for (std::size_t i = begin; i < begin + in_step; ++i)
            samplers.emplace_back(SamplingOptions{.temperature = options.temperature, .seed = mix64(options.seed ^ mix64(options.from + i + 1))});
        std::vector<std::uint32_t> last(in_step, options.first);
        Matrix<float> logits(in_step, model.vocabulary());
        for (std::size_t t = 0; t < options.tokens; ++t) {
            for (std::size_t i = begin; i < end; ++i) out[i].push_back(last[i - begin]);
            if (t + 1 == options.tokens) break;
            const Matrix<float> hidden = model.forward_each(last, caches, alone);
            model.logits(hidden.view(), logits, alone);
            for (std::size_t i = 0; i < in_step; ++i) last[i] = samplers[i](std::as_const(logits).row(i));
        }
        const std::lock_guard lock(told);
        if (progress) progress(done += end - begin, options.texts);
    });
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
