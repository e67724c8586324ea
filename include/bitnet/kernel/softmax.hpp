/// Numbers to probabilities.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <bitnet/core/lane_sum.hpp>
#include <bitnet/kernel/exponential.hpp>

namespace bitnet::inline BITNET_ABI {

/// max x and Σ e^(x - max).
template <class T>
struct SoftmaxSums {
    T largest = 0, sum = 0;
    /// ln Σ e^x
    double log_sum() const { return std::log(static_cast<double>(sum)) + static_cast<double>(largest); }
};

namespace kernel {

/// The largest, in eight lanes as vectors have them.  n >= 1
template <class Arch, class T>
BITNET_INLINE T largest_of(const T* x, std::size_t n) noexcept {
    constexpr std::size_t lanes = 8;
    T most[lanes], largest = x[0];
    for (T& value : most) value = largest;
    const std::size_t whole = n - n % lanes;
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    for (const T value : most) largest = value > largest ? value : largest;
    for (std::size_t i = whole; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

/// p[i] = e^x[i] / Σ e^x; p may be x.  n >= 1
template <class Arch, class T>
SoftmaxSums<T> softmax(const T* x, std::size_t n, T* p) noexcept {
    const T largest = largest_of<Arch>(x, n);
    for (std::size_t i = 0; i < n; ++i) p[i] = exponential(x[i] - largest);
    const T sum = lane_sum<T>(n, [p](std::size_t i) { return p[i]; });
    const T share = 1 / sum;
    for (std::size_t i = 0; i < n; ++i) p[i] *= share;
    return {largest, sum};
}

}  // namespace kernel
}  // namespace bitnet::inline BITNET_ABI
