/// Rotary position embedding on the halves of each head.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// Cosines and sines of the angles at positions first ... first + count - 1, stretched by `magnitude`: (count, d/2) each.
template <class T>
struct RopeAngles {
    Matrix<T> cosine{}, sine{};

    RopeAngles() = default;
    /// frequencies: d/2        angles and their functions in float, as the reference takes them
    RopeAngles(std::span<const float> frequencies, double magnitude, std::size_t first, std::size_t count)
        : cosine(count, frequencies.size()), sine(count, frequencies.size()) {
        for (std::size_t t = 0; t < count; ++t)
            for (std::size_t j = 0; j < frequencies.size(); ++j) {
                const float angle = static_cast<float>(first + t) * frequencies[j];
                cosine(t, j) = static_cast<T>(static_cast<double>(std::cos(angle)) * magnitude);
                sine(t, j) = static_cast<T>(static_cast<double>(std::sin(angle)) * magnitude);
            }
    }
};

namespace detail {

/// Turns all heads of row t by `sense` times the angles of row first + t.
template <class T>
void turn(MatrixView<T> x, const RopeAngles<T>& angles, std::size_t first, T sense) {
    const std::size_t half = angles.cosine.cols();
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<const T> cosine = angles.cosine.row(first + t), sine = angles.sine.row(first + t);
        const std::span<T> row = x.row(t);
        for (std::size_t begin = 0; begin < x.cols; begin += 2 * half)
            for (std::size_t j = 0; j < half; ++j) {
                const T a = row[begin + j], b = row[begin + half + j], s = sense * sine[j];
                row[begin + j] = a * cosine[j] - b * s;
                row[begin + half + j] = b * cosine[j] + a * s;
            }
    }
}

}  // namespace detail

/// Turns pairs (x[j], x[j + d/2]) of every head of token t by the angle p·f_j, p its position, and stretches them.
///
///     x'[j]       = m·(x[j]·cos - x[j + d/2]·sin)
///     x'[j + d/2] = m·(x[j + d/2]·cos + x[j]·sin)
///
/// x: (T, heads·d)    angles: those of token t are row first + t
/// Source  Su et al. 2021, "RoFormer", section 3.2.2, with the halves of a head as pairs
template <class T>
void rotate(MatrixView<T> x, const RopeAngles<T>& angles, std::size_t first = 0) {
    detail::turn(x, angles, first, T(1));
}

/// dx from dx', in place: the same angles backwards.
template <class T>
void rotate_backward(MatrixView<T> dx, const RopeAngles<T>& angles, std::size_t first = 0) {
    detail::turn(dx, angles, first, T(-1));
}

}  // namespace bitnet::inline BITNET_ABI
