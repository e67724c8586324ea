#include <bitnet/nn/embedding.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using bitnet::Matrix;

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
