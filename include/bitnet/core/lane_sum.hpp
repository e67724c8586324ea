/// Sums that vectors can add.
#pragma once

#include <cstddef>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// Σ term(i) for i = 0 ... count-1 in eight sums side by side, added in pairs at the end: one order of additions for
/// every instruction set, and one that needs no waiting for the sum before.
template <class Number, class Term>
Number lane_sum(std::size_t count, Term&& term) {
    constexpr std::size_t lanes = 8;
    Number sums[lanes] = {};
    const std::size_t whole = count - count % lanes;
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) sums[j] += term(i + j);
    for (std::size_t i = whole; i < count; ++i) sums[i - whole] += term(i);
    for (std::size_t width = lanes / 2; width > 0; width /= 2)
        for (std::size_t j = 0; j < width; ++j) sums[j] += sums[j + width];
    return sums[0];
}

}  // namespace bitnet::inline BITNET_ABI
