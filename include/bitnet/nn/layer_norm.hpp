/// Layer normalisation.
#pragma once

#include <cmath>
#include <span>

#include <bitnet/core/lane_sum.hpp>
#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Of one token: mean, and 1 / sqrt(variance + eps) with the biased variance.
struct Moments {
    double mean = 0, scale = 0;
};

template <class T>
Moments moments_of(std::span<const T> x, double eps) {
    const double count = static_cast<double>(x.size());
    const double mean = lane_sum<double>(x.size(), [x](std::size_t c) { return static_cast<double>(x[c]); }) / count;
    const double squares = lane_sum<double>(x.size(), [x, mean](std::size_t c) {
        return (static_cast<double>(x[c]) - mean) * (static_cast<double>(x[c]) - mean);
    });
    return {mean, 1.0 / std::sqrt(squares / count + eps)};
}

}  // namespace detail

/// y = w ⊙ n + b, n = (x - mean(x)) / sqrt(var(x) + eps), token by token, with the biased variance; y may be x.
///
/// x, y: (T, C)    w, b: (C)        eps > 0; mean and variance are taken in double
/// Source  Ba et al. 2016, "Layer Normalization", eq. 4
template <class T>
void layer_norm(MatrixView<const T> x, std::span<const T> weight, std::span<const T> bias, double eps, MatrixView<T> y) {
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t);
        const std::span<T> out = y.row(t);
        const detail::Moments of = detail::moments_of(in, eps);
        for (std::size_t c = 0; c < x.cols; ++c)
            out[c] = static_cast<T>((static_cast<double>(in[c]) - of.mean) * of.scale) * weight[c] + bias[c];
    }
}

/// dx += (g - mean(g) - n·mean(g ⊙ n)) / sqrt(var(x) + eps), g = w ⊙ dy        dw += Σ_t dy ⊙ n        db += Σ_t dy
///
/// x, dy, dx: (T, C)    w, dw, db: (C)
template <class T>
void layer_norm_backward(MatrixView<const T> x, std::span<const T> weight, double eps, MatrixView<const T> dy,
                         MatrixView<T> dx, std::span<T> dweight, std::span<T> dbias) {
    const double count = static_cast<double>(x.cols);
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t), slope = dy.row(t);
        const std::span<T> out = dx.row(t);
        const detail::Moments of = detail::moments_of(in, eps);
        const auto normal = [&](std::size_t c) { return (static_cast<double>(in[c]) - of.mean) * of.scale; };
        const auto inner = [&](std::size_t c) { return static_cast<double>(weight[c] * slope[c]); };
        const double level = lane_sum<double>(x.cols, inner) / count;
        const double along = lane_sum<double>(x.cols, [&](std::size_t c) { return inner(c) * normal(c); }) / count;
        for (std::size_t c = 0; c < x.cols; ++c) {
            const double n = normal(c);
            out[c] += static_cast<T>((inner(c) - level - n * along) * of.scale);
            dweight[c] += slope[c] * static_cast<T>(n);
            dbias[c] += slope[c];
        }
    }
}

}  // namespace bitnet::inline BITNET_ABI
