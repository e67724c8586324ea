/// Inputs of ternary layers as training sees them: rounded to 8 bits, and still floating-point numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// x += share·(x̂ - x), token by token, in place:
///
///     a = max(max|x|, 1e-5)      x̂ = round(x·127/a)·a/127, ties to even
///
/// The gradient passes as if nothing had been rounded (straight-through), so there is no backward.
/// x: (T, C)    share in [0, 1]: 1 gives what kernels with int8 activations multiply
/// Source  Ma et al. 2024, "The Era of 1-bit LLMs", section 2
template <class T>
void round_activations(MatrixView<T> x, T share) {
    constexpr double magic = 0x1.8p52;  // adding it leaves no bits for a fraction
    for (std::size_t t = 0; t < x.rows; ++t) {
        const std::span<T> row = x.row(t);
        T largest = static_cast<T>(1e-5);
        for (const T value : row) largest = std::max(largest, std::abs(value));
        const T up = 127 / largest, down = largest / 127;
        for (T& value : row) {
            const double whole = (static_cast<double>(value) * static_cast<double>(up) + magic) - magic;
            value += share * (static_cast<T>(whole) * down - value);
        }
    }
}

}  // namespace bitnet::inline BITNET_ABI
