#include <bitnet/nn/rms_norm.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

TEST_CASE_TEMPLATE("each token is divided by the root of its mean square, then weighted", T, float, double) {
    bitnet::Matrix<T> x(2, 2, {3, 4, 0, 0});
    const std::vector<T> weight{2, -1};
    bitnet::rms_norm<T>(x, weight, 1e-6, x);
    const double root = std::sqrt(12.5 + 1e-6);
    CHECK(static_cast<double>(x(0, 0)) == doctest::Approx(6 / root));
    CHECK(static_cast<double>(x(0, 1)) == doctest::Approx(-4 / root));
    CHECK(x(1, 0) == 0);  // eps keeps a token of zeros finite
}

TEST_CASE("the gradients of RMSNorm are those of central differences, and are added") {
    Matrix<double> x = normal_matrix(3, 11, 1), weight = normal_matrix(1, 11, 2), y(3, 11);
    const Matrix<double> dy = normal_matrix(3, 11, 3);
    Matrix<double> dx(3, 11), dweight(1, 11);
    bitnet::rms_norm_backward<double>(x, weight.row(0), 1e-3, dy, dx, dweight.row(0));
    const auto loss = [&] {
        bitnet::rms_norm<double>(x, weight.row(0), 1e-3, y);
        return dot(y, dy);
    };
    CHECK(gradient_error(x, dx, loss) < 1e-8);
    CHECK(gradient_error(weight, dweight, loss) < 1e-8);
    const Matrix<double> once = dx;
    bitnet::rms_norm_backward<double>(x, weight.row(0), 1e-3, dy, dx, dweight.row(0));
    CHECK(dx(1, 5) == 2 * once(1, 5));
}
