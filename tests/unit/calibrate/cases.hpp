/// Matrices and inputs for tests of calibration.
#pragma once

#include <cmath>
#include <cstdint>

#include <bitnet/calibrate/input_moments.hpp>
#include <bitnet/compress/rows_in_work.hpp>
#include <bitnet/core/rng.hpp>

#include "support/normal_matrix.hpp"

namespace bitnet_test {

/// Tokens whose channels have much in common, and spread over three orders of magnitude.
inline bitnet::Matrix<float> inputs(std::size_t tokens, std::size_t channels, std::uint64_t seed) {
    const bitnet::Matrix<float> hidden = normal_matrix(tokens, channels / 4 + 1, seed), mixing = normal_matrix(channels / 4 + 1, channels, seed + 1);
    bitnet::Matrix<float> out = normal_matrix(tokens, channels, seed + 2);
    bitnet::matmul_nn<float>(hidden, mixing, out, 1.0f, 0.3f);
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t c = 0; c < channels; ++c) out(t, c) *= std::pow(10.0f, static_cast<float>(c % 4) / 2 - 1);
    return out;
}

inline bitnet::InputMoments moments_of(const bitnet::Matrix<float>& x) {
    bitnet::InputMoments out(x.cols());
    out.add(x, 1);
    return out;
}

/// Σ of (w - ŵ)·M·(w - ŵ)ᵀ over the rows.
template <std::size_t Planes>
double error_of(const bitnet::RowsInWork<Planes>& rows, const bitnet::Matrix<float>& metric) {
    double sum = 0;
    std::vector<float> image(rows.cols());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        rows.image(r, image);
        for (std::size_t a = 0; a < rows.cols(); ++a)
            for (std::size_t b = 0; b < rows.cols(); ++b)
                sum += static_cast<double>(rows.w(r, a) - image[a]) * static_cast<double>(metric(a, b)) * static_cast<double>(rows.w(r, b) - image[b]);
    }
    return sum;
}

}  // namespace bitnet_test
