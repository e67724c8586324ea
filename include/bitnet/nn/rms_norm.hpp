/// Root-mean-square normalisation.
#pragma once

#include <cmath>
#include <span>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// y = w ⊙ x / sqrt(mean(x²) + eps), token by token; y may be x.
///
/// x, y: (T, C)    w: (C)        eps > 0; the mean is taken in double
/// Source  Zhang, Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4
template <class T>
void rms_norm(MatrixView<const T> x, std::span<const T> weight, double eps, MatrixView<T> y) {
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t);
        const std::span<T> out = y.row(t);
        double squares = 0;
        for (const T value : in) squares += static_cast<double>(value) * static_cast<double>(value);
        const T scale = static_cast<T>(1.0 / std::sqrt(squares / static_cast<double>(x.cols) + eps));
        for (std::size_t c = 0; c < x.cols; ++c) out[c] = weight[c] * (in[c] * scale);
    }
}

}  // namespace bitnet::inline BITNET_ABI
