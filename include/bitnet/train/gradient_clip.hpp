/// A limit on the length of a step's gradient.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include <bitnet/core/error.hpp>
#include <bitnet/core/lane_sum.hpp>

namespace bitnet::inline BITNET_ABI {

/// Multiplies all gradients by most/norm when their common norm is above `most`; returns the norm as it was.
///
///     norm = sqrt(Σ g²)          over all elements of all gradients, in double, in an order that never varies
///
/// A norm that is NaN or infinite is returned and nothing is changed: that step had better be left out.
///
/// Shapes  any number of gradients of any lengths
/// Errors  errc::bad_value unless most > 0; infinity only measures
/// Source  Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1
inline double clip_gradient_norm(std::span<const std::span<float>> gradients, double most) {
    if (!(most > 0)) throw error(errc::bad_value, message("clip_gradient_norm: most = ", most, " is not above 0"));
    double square = 0;
    for (const std::span<float> gradient : gradients)
        square += lane_sum<double>(gradient.size(), [&](std::size_t i) {
            return static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
        });
    const double norm = std::sqrt(square);
    // Exponent bits: under the including program's -ffast-math, std::isfinite is always true.
    const bool finite = (std::bit_cast<std::uint64_t>(norm) & 0x7ff0000000000000u) != 0x7ff0000000000000u;
    if (!finite || norm <= most) return norm;
    const auto factor = static_cast<float>(most / norm);
    for (const std::span<float> gradient : gradients)
        for (float& value : gradient) value *= factor;
    return norm;
}

}  // namespace bitnet::inline BITNET_ABI
