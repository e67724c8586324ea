/// Rotary position embedding on the halves of each head.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// Turns pairs (x[j], x[j + d/2]) of every head of token t by the angle p·f_j, p = first + t, and stretches them by
/// `magnitude`.
///
///     x'[j]       = m·(x[j]·cos - x[j + d/2]·sin)
///     x'[j + d/2] = m·(x[j + d/2]·cos + x[j]·sin)
///
/// x: (T, heads·d)    frequencies: d/2        angles and their functions in float, as the reference takes them
/// Source  Su et al. 2021, "RoFormer", section 3.2.2, with the halves of a head as pairs
template <class T>
void rotate(MatrixView<T> x, std::size_t head_dim, std::size_t first, std::span<const float> frequencies,
            double magnitude) {
    const std::size_t half = head_dim / 2;
    std::vector<T> cosine(half), sine(half);
    for (std::size_t t = 0; t < x.rows; ++t) {
        for (std::size_t j = 0; j < half; ++j) {
            const float angle = static_cast<float>(first + t) * frequencies[j];
            cosine[j] = static_cast<T>(static_cast<double>(std::cos(angle)) * magnitude);
            sine[j] = static_cast<T>(static_cast<double>(std::sin(angle)) * magnitude);
        }
        const std::span<T> row = x.row(t);
        for (std::size_t begin = 0; begin < x.cols; begin += head_dim)
            for (std::size_t j = begin; j < begin + half; ++j) {
                const T a = row[j], b = row[j + half];
                row[j] = a * cosine[j - begin] - b * sine[j - begin];
                row[j + half] = b * cosine[j - begin] + a * sine[j - begin];
            }
    }
}

}  // namespace bitnet::inline BITNET_ABI
