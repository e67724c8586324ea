#include <bitnet/nn/rope.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

TEST_CASE("pairs are the halves of a head, turned by position times frequency") {
    const std::vector<float> frequencies{1.0f, 0.25f};
    Matrix<double> x(1, 8, {1, 0, 0, 1, 2, 0, 0, 2});  // two heads of four
    bitnet::rotate<double>(x, {frequencies, 1.0, 3, 1});
    CHECK(x(0, 0) == doctest::Approx(std::cos(3.0)));
    CHECK(x(0, 2) == doctest::Approx(std::sin(3.0)));
    CHECK(x(0, 1) == doctest::Approx(-std::sin(0.75)));
    CHECK(x(0, 3) == doctest::Approx(std::cos(0.75)));
    for (std::size_t j = 0; j < 4; ++j) CHECK(x(0, 4 + j) == doctest::Approx(2 * x(0, j)));
}

TEST_CASE("scores depend on the distance of two tokens alone, and the magnitude stretches them twice") {
    const std::vector<float> frequencies{1.0f, 0.25f};
    const auto score = [&](std::size_t query, std::size_t key, double magnitude) {
        Matrix<double> q(1, 4, {1, 2, 3, 4}), k(1, 4, {4, -1, 2, 1});
        const bitnet::RopeAngles<double> angles(frequencies, magnitude, 0, 8);
        bitnet::rotate<double>(q, angles, query);
        bitnet::rotate<double>(k, angles, key);
        double sum = 0;
        for (std::size_t c = 0; c < 4; ++c) sum += q(0, c) * k(0, c);
        return sum;
    };
    CHECK(score(7, 5, 1) == doctest::Approx(score(2, 0, 1)));
    CHECK(score(7, 5, 1) != doctest::Approx(score(2, 1, 1)));
    CHECK(score(7, 5, 1.5) == doctest::Approx(2.25 * score(7, 5, 1)));
}

TEST_CASE("the gradient of a rotation is that of central differences") {
    const bitnet::RopeAngles<double> angles(std::vector<float>{1.0f, 0.25f}, 1.25, 2, 3);
    Matrix<double> x = normal_matrix(3, 8, 1);
    const Matrix<double> dy = normal_matrix(3, 8, 2);
    Matrix<double> dx = dy;
    bitnet::rotate_backward<double>(dx, angles);
    CHECK(gradient_error(x, dx, [&] {
        Matrix<double> y = x;
        bitnet::rotate<double>(y, angles);
        return dot(y, dy);
    }) < 1e-8);
}
