/// How fast a model reads a prompt and writes behind it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/core/rng.hpp>
#include <bitnet/eval/machine_speed.hpp>
#include <bitnet/infer/sampler.hpp>
#include <bitnet/model/transformer.hpp>

namespace bitnet::inline BITNET_ABI {

struct SpeedOptions {
    std::size_t prompt_tokens = 512;     ///< read at once, 1 or more
    std::size_t generated_tokens = 128;  ///< written one by one behind a single token, 1 or more
    std::size_t repetitions = 3;         ///< of both, 1 or more; medians are told
    std::uint64_t seed = 0;              ///< of the prompt's token ids
};

struct ModelSpeed {
    double prompt = 0;      ///< tokens a second
    double generation = 0;  ///< tokens a second
};

/// What one token costs, apart from attention to those before it, whose keys and values are
/// 2·layers·kv_heads·head_dim floats each.
struct TokenCost {
    std::uint64_t layer_bytes = 0;     ///< weights of the layers and their scales
    std::uint64_t head_bytes = 0;      ///< weights of the output layer, which a prompt uses once
    std::uint64_t layer_products = 0;  ///< multiplications by weights of the layers
    std::uint64_t head_products = 0;

    std::uint64_t bytes() const { return layer_bytes + head_bytes; }
    std::uint64_t products() const { return layer_products + head_products; }
};

inline TokenCost token_cost(const Transformer& model) {
    TokenCost out;
    for (const DecoderLayer& layer : model.layers())
        layer.each_projection([&out](const Projection& projection) {
            std::visit([&out](const auto& linear) {
                out.layer_bytes += linear.weight_bytes();
                out.layer_products += std::uint64_t{linear.inputs()} * linear.outputs();
            }, projection.linear);
        });
    std::visit([&out](const auto& linear) {
        out.head_bytes = linear.weight_bytes();
        out.head_products = std::uint64_t{linear.inputs()} * linear.outputs();
    }, model.head().linear);
    return out;
}

/// Measures on this machine as it is now.  told: which of how many runs is next
/// Errors  errc::bad_value where the model has fewer positions than are asked for
inline ModelSpeed model_speed(const Transformer& model, const SpeedOptions& options, Execution run,
                              const std::function<void(std::size_t done, std::size_t all)>& told = {}) {
    const std::size_t longest = std::max(options.prompt_tokens, options.generated_tokens + 1);
    if (longest > model.config().max_positions)
        throw error(errc::bad_value, message("a text of ", longest, " tokens; the model has ",
                                             model.config().max_positions, " positions"));
    Random random(options.seed);
    std::vector<std::uint32_t> prompt(options.prompt_tokens);
    for (std::uint32_t& id : prompt) id = static_cast<std::uint32_t>(random() % model.config().vocab_size);
    Matrix<float> logits(1, model.vocabulary());
    const auto read = [&](std::span<const std::uint32_t> ids, KvCache<float>& cache) {
        const Matrix<float> hidden = model.forward(ids, cache, run);
        model.logits(hidden.view().row_range(hidden.rows() - 1, 1), logits, run);
    };
    std::vector<double> reading, writing;
    for (std::size_t repetition = 0; repetition < options.repetitions; ++repetition) {
        if (told) told(2 * repetition, 2 * options.repetitions);
        KvCache<float> cache = model.new_cache();
        reading.push_back(seconds_of([&] { read(prompt, cache); }));
        if (told) told(2 * repetition + 1, 2 * options.repetitions);
        cache = model.new_cache();
        std::uint32_t id = prompt.front();
        read(std::span(&id, 1), cache);
        Sampler greedy(SamplingOptions{.temperature = 0});
        writing.push_back(seconds_of([&] {
            for (std::size_t i = 0; i < options.generated_tokens; ++i) {
                id = greedy(std::as_const(logits).row(0));
                read(std::span(&id, 1), cache);
            }
        }));
    }
    const auto median = [](std::vector<double>& times) {
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    };
    return {static_cast<double>(options.prompt_tokens) / median(reading),
            static_cast<double>(options.generated_tokens) / median(writing)};
}

}  // namespace bitnet::inline BITNET_ABI
