/// How fast a trained model should learn to be ternary.
#pragma once

#include <cmath>
#include <cstddef>

#include <bitnet/train/ternary_weight.hpp>

namespace bitnet::inline BITNET_ABI {

/// A learning rate for AdamW that suits the model: 0.015 of the mean magnitude of the weights that become ternary.
///
/// A code flips when its latent weight has walked about half a scale, and AdamW walks the learning rate at each step, so
/// what matters is their ratio. Where weights are small, as in wide models, so is the rate. For models that were trained
/// before: random weights bear more.
///
/// Where nothing becomes ternary, or all of it is zero: 3e-3.
/// Source  measured, docs/training.md, "What settings are worth"
template <PreservationPolicy Preservation>
double ternary_learning_rate(const Parameters<float>& parameters, const Preservation& preservation) {
    double sum = 0;
    std::size_t count = 0;
    for (const Parameter<float>& one : parameters) {
        if (!becomes_ternary(one, preservation)) continue;
        for (const float value : one.value.values()) sum += std::abs(static_cast<double>(value));
        count += one.value.values().size();
    }
    return sum > 0 ? 0.015 * sum / static_cast<double>(count) : 3e-3;
}

}  // namespace bitnet::inline BITNET_ABI
