#include <bitnet/nn/embedding.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

namespace {

/// Row r is r, r + 0.5.
constexpr auto halves = [](std::uint32_t row, std::span<float> out) {
    out[0] = static_cast<float>(row);
    out[1] = out[0] + 0.5f;
};

}  // namespace

TEST_CASE("an id becomes its row") {
    Matrix<float> out(2, 2);
    bitnet::embed(3, std::vector<std::uint32_t>{2, 0}, out.view(), halves);
    CHECK(out.values() == std::vector<float>{2, 2.5f, 0, 0.5f});
}

TEST_CASE("an id beyond the vocabulary is refused with its place") {
    Matrix<float> out(2, 2);
    CHECK_THROWS_WITH_AS(bitnet::embed(3, std::vector<std::uint32_t>{1, 3}, out.view(), halves),
                         "token id 3 at position 1 is beyond the vocabulary of 3 tokens", bitnet::error);
}

TEST_CASE("the gradient of a table is the sum over the places of each id, whatever the number of threads") {
    const std::vector<std::uint32_t> ids{2, 0, 2};
    const Matrix<double> dy = normal_matrix(3, 70, 1);
    for (const unsigned threads : {1u, 2u}) {
        Matrix<double> table(4, 70);
        table(3, 1) = 7;
        bitnet::embed_backward<double>(ids, dy, table, threads);
        for (std::size_t c = 0; c < 70; ++c) {
            CHECK(table(0, c) == dy(1, c));
            CHECK(table(2, c) == dy(0, c) + dy(2, c));
        }
        CHECK(table(3, 1) == 7);
    }
}
