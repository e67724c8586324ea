#include <bitnet/nn/layer_norm.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

TEST_CASE_TEMPLATE("each token gets mean 0 and variance 1, then weight and bias", T, float, double) {
    bitnet::Matrix<T> x(2, 4, {1, 2, 3, 4, 1000, 1001, 1002, 1003}), y(2, 4);
    const std::vector<T> weight{1, 2, 1, 1}, bias{0, 0, 10, 0};
    bitnet::layer_norm<T>(x, weight, bias, 1e-5, y);
    const double scale = 1 / std::sqrt(1.25 + 1e-5);  // the variance divides by 4, not by 3
    for (std::size_t t = 0; t < 2; ++t) {               // an offset changes nothing
        CHECK(static_cast<double>(y(t, 0)) == doctest::Approx(-1.5 * scale));
        CHECK(static_cast<double>(y(t, 1)) == doctest::Approx(-1.0 * scale));
        CHECK(static_cast<double>(y(t, 2)) == doctest::Approx(0.5 * scale + 10));
        CHECK(static_cast<double>(y(t, 3)) == doctest::Approx(1.5 * scale));
    }
}

TEST_CASE("the gradients of LayerNorm are those of central differences") {
    Matrix<double> x = normal_matrix(3, 11, 1), weight = normal_matrix(1, 11, 2), bias = normal_matrix(1, 11, 4), y(3, 11);
    const Matrix<double> dy = normal_matrix(3, 11, 3);
    Matrix<double> dx(3, 11), dweight(1, 11), dbias(1, 11);
    bitnet::layer_norm_backward<double>(x, weight.row(0), 1e-3, dy, dx, dweight.row(0), dbias.row(0));
    const auto loss = [&] {
        bitnet::layer_norm<double>(x, weight.row(0), bias.row(0), 1e-3, y);
        return dot(y, dy);
    };
    CHECK(gradient_error(x, dx, loss) < 1e-8);
    CHECK(gradient_error(weight, dweight, loss) < 1e-8);
    CHECK(gradient_error(bias, dbias, loss) < 1e-8);
}
