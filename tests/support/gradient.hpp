/// Gradients against central differences.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

#include <bitnet/core/matrix.hpp>

namespace bitnet_test {

inline bitnet::Matrix<double> normal_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> value;
    bitnet::Matrix<double> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (double& x : out.row(r)) x = value(random);
    return out;
}

/// Σ a ⊙ b: what makes one number, with gradient b, of a matrix a.
inline double dot(bitnet::MatrixView<const double> a, bitnet::MatrixView<const double> b) {
    double sum = 0;
    for (std::size_t r = 0; r < a.rows; ++r)
        for (std::size_t c = 0; c < a.cols; ++c) sum += a(r, c) * b(r, c);
    return sum;
}

/// ‖gradient - differences‖ / ‖differences‖, where differences[i] = (loss(x + h) - loss(x - h)) / 2h in x[i].
template <class Loss>
double gradient_error(std::span<double> x, std::span<const double> gradient, Loss&& loss, double h = 1e-5) {
    double wrong = 0, all = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double kept = x[i];
        x[i] = kept + h;
        const double above = loss();
        x[i] = kept - h;
        const double below = loss();
        x[i] = kept;
        const double slope = (above - below) / (2 * h);
        wrong += (slope - gradient[i]) * (slope - gradient[i]);
        all += slope * slope;
    }
    REQUIRE(all > 0);
    return std::sqrt(wrong / all);
}

template <class Loss>
double gradient_error(bitnet::Matrix<double>& x, const bitnet::Matrix<double>& gradient, Loss&& loss, double h = 1e-5) {
    return gradient_error(std::span(x.data(), x.rows() * x.cols()), std::span(gradient.values()), loss, h);
}

}  // namespace bitnet_test
