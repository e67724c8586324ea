/// A limit on the length of a step's gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/lane_sum.hpp>
#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// Multiplies all gradients by most/norm when their common norm is above `most`; returns the norm as it was.
///
///     norm = sqrt(Σ g²)          over all elements of all gradients, in double, in an order that never varies with `threads`
///
/// A norm that is NaN or infinite is returned and nothing is changed: that step had better be left out.
///
/// Shapes  any number of gradients of any lengths
/// Errors  errc::bad_value unless most > 0; infinity only measures
/// Source  Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1
inline double clip_gradient_norm(std::span<const std::span<float>> gradients, double most, unsigned threads = 1) {
    if (!(most > 0)) throw error(errc::bad_value, message("clip_gradient_norm: most = ", most, " is not above 0"));
    constexpr std::size_t piece = std::size_t{1} << 16;
    std::vector<std::span<float>> pieces;
    for (std::span<float> rest : gradients)
        for (; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size()))) pieces.push_back(rest.first(std::min(piece, rest.size())));
    std::vector<double> squares(pieces.size());
    parallel_for(pieces.size(), 1, threads, [&](std::size_t i, std::size_t) {
        squares[i] = lane_sum<double>(pieces[i].size(), [values = pieces[i]](std::size_t c) {
            return static_cast<double>(values[c]) * static_cast<double>(values[c]);
        });
    });
    const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
    if (!is_finite(norm) || norm <= most) return norm;
    const auto factor = static_cast<float>(most / norm);
    parallel_for(pieces.size(), 1, threads, [&](std::size_t i, std::size_t) {
        for (float& value : pieces[i]) value *= factor;
    });
    return norm;
}

}  // namespace bitnet::inline BITNET_ABI
