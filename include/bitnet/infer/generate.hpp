/// Text that a model goes on writing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/infer/sampler.hpp>
#include <bitnet/model/transformer.hpp>

namespace bitnet::inline BITNET_ABI {

/// Reads the prompt and writes up to `count` tokens behind it; each is told as it is drawn, and writing ends early when
/// `told` returns false or the model has no position left. Returns the tokens written.
///
/// Errors  errc::bad_value: an empty prompt, or one that leaves no room in the model's max_positions
inline std::vector<std::uint32_t> generate(const Transformer& model, std::span<const std::uint32_t> prompt,
                                           std::size_t count, Sampler sampler, Execution run,
                                           const std::function<bool(std::uint32_t id)>& told = {}) {
    const std::size_t positions = model.config().max_positions;
    if (prompt.empty()) throw error(errc::bad_value, "the prompt has no token");
    if (prompt.size() >= positions)
        throw error(errc::bad_value, message("the prompt has ", prompt.size(), " tokens; the model has ", positions,
                                             " positions, prompt and answer together"));
    KvCache<float> cache = model.new_cache();
    Matrix<float> hidden = model.forward(prompt, cache, run);
    Matrix<float> logits(1, model.vocabulary());
    std::vector<std::uint32_t> out;
    while (out.size() < count) {
        model.logits(std::as_const(hidden).view().row_range(hidden.rows() - 1, 1), logits, run);
        out.push_back(sampler(std::as_const(logits).row(0)));
        if ((told && !told(out.back())) || out.size() == count || cache.length() == positions) break;
        hidden = model.forward(std::span(&out.back(), 1), cache, run);
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
