/// Layer normalisation.
#pragma once

#include <cmath>
#include <span>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// y = w ⊙ (x - mean(x)) / sqrt(var(x) + eps) + b, token by token, with the biased variance; y may be x.
///
/// x, y: (T, C)    w, b: (C)        eps > 0; mean and variance are taken in double
/// Source  Ba et al. 2016, "Layer Normalization", eq. 4
template <class T>
void layer_norm(MatrixView<const T> x, std::span<const T> weight, std::span<const T> bias, double eps, MatrixView<T> y) {
    const double count = static_cast<double>(x.cols);
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t);
        const std::span<T> out = y.row(t);
        double sum = 0, squares = 0;
        for (const T value : in) sum += static_cast<double>(value);
        const double mean = sum / count;
        for (const T value : in) squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
        const double scale = 1.0 / std::sqrt(squares / count + eps);
        for (std::size_t c = 0; c < x.cols; ++c)
            out[c] = static_cast<T>((static_cast<double>(in[c]) - mean) * scale) * weight[c] + bias[c];
    }
}

}  // namespace bitnet::inline BITNET_ABI
