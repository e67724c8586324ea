#include <bitnet/nn/embedding.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using bitnet::Matrix;

TEST_CASE("an id becomes its row") {
    const Matrix<float> table(3, 2, {0, 1, 10, 11, 20, 21});
    Matrix<float> out(2, 2);
    bitnet::embed<float>(table, std::vector<std::uint32_t>{2, 0}, out);
    CHECK(out.values() == std::vector<float>{20, 21, 0, 1});
}

TEST_CASE("an id beyond the vocabulary is refused with its place") {
    const Matrix<float> table(3, 2);
    Matrix<float> out(2, 2);
    CHECK_THROWS_WITH_AS(bitnet::embed<float>(table, std::vector<std::uint32_t>{1, 3}, out),
                         "token id 3 at position 1 is beyond the vocabulary of 3 tokens", bitnet::error);
}
