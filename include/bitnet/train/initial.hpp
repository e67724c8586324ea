/// Weights to begin with.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include <bitnet/core/rng.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

/// Random weights for a model that nobody has trained:
///
///     norms 1      biases 0      others normal with standard deviation 0.02,
///     those that write to the residual stream 0.02/sqrt(2·layers)
///
/// Each tensor's values depend on seed and name alone.
/// Source  Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3
inline Parameters<float> initial_parameters(const ModelConfig& config, bool tied_head, std::uint64_t seed) {
    const PartNames& names = architecture_named(config.architecture).parts;
    const auto writes_to_stream = [&](std::string_view name) {
        const auto is = [&](std::string_view part) { return name.ends_with(".weight") && name.substr(0, name.size() - 7).ends_with(part); };
        return is(names.attention_output) || is(names.down);
    };
    Parameters<float> out(config, tied_head);
    for (Parameter<float>& one : out) {
        const bool bias = one.spec.role == TensorRole::bias || one.spec.name.ends_with(".bias");
        float deviation = 0.02f;
        if (writes_to_stream(one.spec.name)) deviation /= std::sqrt(2 * static_cast<float>(config.layers));
        Random random(derived_seed(seed, one.spec.name));
        for (float& value : one.values()) value = bias ? 0.0f : one.spec.role == TensorRole::norm ? 1.0f : deviation * random.normal();
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
