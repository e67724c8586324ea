/// How surprised a model is by the token that came.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include <bitnet/core/error.hpp>
#include <bitnet/nn/softmax.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {
inline void require_token(std::uint32_t target, std::size_t vocabulary) {
    if (target >= vocabulary)
        throw error(errc::bad_value, message("token id ", target, " is beyond the vocabulary of ", vocabulary, " tokens"));
}
}  // namespace detail

/// -ln softmax(logits)[target] in double: ln Σ exp(l - max) + max - l[target].
/// logits: V finite numbers; target < V, or errc::bad_value
template <class T>
double cross_entropy(std::span<const T> logits, std::uint32_t target) {
    detail::require_token(target, logits.size());
    T largest = -std::numeric_limits<T>::infinity();
    for (const T value : logits) largest = std::max(largest, value);
    double sum = 0;
    for (const T value : logits) sum += std::exp(static_cast<double>(value - largest));
    return std::log(sum) + static_cast<double>(largest) - static_cast<double>(logits[target]);
}

/// The same, and its gradient: dlogits += weight·(softmax(logits) - [i = target]). The sum is taken in T.
/// logits, dlogits, work: V numbers; `work` holds whatever it likes
template <class T>
double cross_entropy_backward(std::span<const T> logits, std::uint32_t target, T weight, std::span<T> dlogits,
                              std::span<T> work, const Kernels& kernels) {
    detail::require_token(target, logits.size());
    const SoftmaxSums<T> sums = softmax(logits, work, kernels);
    for (std::size_t i = 0; i < logits.size(); ++i) dlogits[i] += weight * work[i];
    dlogits[target] -= weight;
    return sums.log_sum() - static_cast<double>(logits[target]);
}

}  // namespace bitnet::inline BITNET_ABI
