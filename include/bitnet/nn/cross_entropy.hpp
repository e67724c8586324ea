/// How surprised a model is by the token that came.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// -ln softmax(logits)[target] in double: ln Σ exp(l - max) + max - l[target].
/// logits: V finite numbers; target < V, or errc::bad_value
template <class T>
double cross_entropy(std::span<const T> logits, std::uint32_t target) {
    if (target >= logits.size())
        throw error(errc::bad_value, message("token id ", target, " is beyond the vocabulary of ", logits.size(), " tokens"));
    T largest = -std::numeric_limits<T>::infinity();
    for (const T value : logits) largest = std::max(largest, value);
    double sum = 0;
    for (const T value : logits) sum += std::exp(static_cast<double>(value - largest));
    return std::log(sum) + static_cast<double>(largest) - static_cast<double>(logits[target]);
}

}  // namespace bitnet::inline BITNET_ABI
