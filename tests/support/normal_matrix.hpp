/// Numbers to test with.
#pragma once

#include <cstddef>
#include <cstdint>

#include <bitnet/core/matrix.hpp>
#include <bitnet/core/rng.hpp>

namespace bitnet_test {

/// Independent normal numbers.
inline bitnet::Matrix<float> normal_matrix(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    bitnet::Random random(seed);
    bitnet::Matrix<float> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (float& value : out.row(r)) value = random.normal();
    return out;
}

}  // namespace bitnet_test
