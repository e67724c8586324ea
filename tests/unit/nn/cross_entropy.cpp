#include <bitnet/nn/cross_entropy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

TEST_CASE("equal logits cost the logarithm of their number, and large ones do not overflow") {
    CHECK(bitnet::cross_entropy<float>(std::vector<float>{3, 3, 3, 3}, 2) == doctest::Approx(std::log(4.0)));
    CHECK(bitnet::cross_entropy<float>(std::vector<float>{1000, 0}, 0) == doctest::Approx(0.0));
    CHECK(bitnet::cross_entropy<float>(std::vector<float>{1000, 0}, 1) == doctest::Approx(1000.0));
    const std::vector<double> logits{0.5, -1, 2};
    const double sum = std::exp(0.5) + std::exp(-1.0) + std::exp(2.0);
    CHECK(bitnet::cross_entropy<double>(logits, 1) == doctest::Approx(1 + std::log(sum)));
    CHECK_THROWS_WITH_AS(bitnet::cross_entropy<double>(logits, 3), "token id 3 is beyond the vocabulary of 3 tokens",
                         bitnet::error);
}

TEST_CASE("the gradient of the cross entropy is that of central differences, weighted and added") {
    Matrix<double> logits = normal_matrix(1, 13, 1), work(1, 13);
    Matrix<double> gradient(1, 13);
    const double loss = bitnet::cross_entropy_backward<double>(logits.row(0), 4, 2.5, gradient.row(0), work.row(0), *bitnet::execution().kernels);
    CHECK(loss == doctest::Approx(bitnet::cross_entropy<double>(logits.row(0), 4)));
    CHECK(gradient_error(logits, gradient, [&] { return 2.5 * bitnet::cross_entropy<double>(logits.row(0), 4); }) < 1e-8);
    CHECK_THROWS_AS(bitnet::cross_entropy_backward<double>(logits.row(0), 13, 1, gradient.row(0), work.row(0), *bitnet::execution().kernels), bitnet::error);
}
