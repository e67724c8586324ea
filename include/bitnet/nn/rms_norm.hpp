/// Root-mean-square normalisation.
#pragma once

#include <cmath>
#include <span>

#include <bitnet/core/lane_sum.hpp>
#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// 1 / sqrt(mean(x²) + eps)
template <class T>
double inverse_rms(std::span<const T> x, double eps) {
    const double squares =
        lane_sum<double>(x.size(), [x](std::size_t c) { return static_cast<double>(x[c]) * static_cast<double>(x[c]); });
    return 1.0 / std::sqrt(squares / static_cast<double>(x.size()) + eps);
}

}  // namespace detail

/// y = w ⊙ x·r, r = 1 / sqrt(mean(x²) + eps), token by token; y may be x.
///
/// x, y: (T, C)    w: (C)        eps > 0; the mean is taken in double
/// Source  Zhang, Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4
template <class T>
void rms_norm(MatrixView<const T> x, std::span<const T> weight, double eps, MatrixView<T> y) {
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t);
        const std::span<T> out = y.row(t);
        const T scale = static_cast<T>(detail::inverse_rms(in, eps));
        for (std::size_t c = 0; c < x.cols; ++c) out[c] = weight[c] * (in[c] * scale);
    }
}

/// dx += r·(g - x·r²·mean(g ⊙ x)), g = w ⊙ dy        dw += Σ_t dy ⊙ x·r
///
/// x, dy, dx: (T, C)    w, dw: (C)
template <class T>
void rms_norm_backward(MatrixView<const T> x, std::span<const T> weight, double eps, MatrixView<const T> dy,
                       MatrixView<T> dx, std::span<T> dweight) {
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> in = x.row(t), slope = dy.row(t);
        const std::span<T> out = dx.row(t);
        const double scale = detail::inverse_rms(in, eps);
        const double along = lane_sum<double>(x.cols, [&](std::size_t c) {
            return static_cast<double>(weight[c] * slope[c]) * static_cast<double>(in[c]);
        });
        const T straight = static_cast<T>(scale);
        const T pull = static_cast<T>(scale * scale * scale * along / static_cast<double>(x.cols));
        for (std::size_t c = 0; c < x.cols; ++c) {
            out[c] += weight[c] * slope[c] * straight - in[c] * pull;
            dweight[c] += slope[c] * (in[c] * straight);
        }
    }
}

}  // namespace bitnet::inline BITNET_ABI
