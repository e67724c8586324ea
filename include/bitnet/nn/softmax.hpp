/// Numbers to probabilities.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <bitnet/nn/exponential.hpp>
#include <bitnet/nn/lane_sum.hpp>

namespace bitnet::inline BITNET_ABI {

/// max x and Σ e^(x - max).
template <class T>
struct SoftmaxSums {
    T largest = 0, sum = 0;
    /// ln Σ e^x
    double log_sum() const { return std::log(static_cast<double>(sum)) + static_cast<double>(largest); }
};

namespace detail {

/// The largest, in eight lanes as vectors have them.  x: one or more
template <class T>
T largest_of(std::span<const T> x) {
    constexpr std::size_t lanes = 8;
    T most[lanes], largest = x[0];
    std::fill(most, most + lanes, largest);
    const std::size_t whole = x.size() - x.size() % lanes;
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    for (const T value : most) largest = std::max(largest, value);
    for (std::size_t i = whole; i < x.size(); ++i) largest = std::max(largest, x[i]);
    return largest;
}

}  // namespace detail

/// p[i] = e^x[i] / Σ e^x; p may be x.  x, p: one number or more
template <class T>
SoftmaxSums<T> softmax(std::span<const T> x, std::span<T> p) {
    const T largest = detail::largest_of(x);
    for (std::size_t i = 0; i < x.size(); ++i) p[i] = exponential(x[i] - largest);
    const T sum = lane_sum<T>(p.size(), [p](std::size_t i) { return p[i]; });
    const T share = 1 / sum;
    for (T& value : p) value *= share;
    return {largest, sum};
}

}  // namespace bitnet::inline BITNET_ABI
