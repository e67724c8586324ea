#include <bitnet/nn/rms_norm.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_CASE_TEMPLATE("each token is divided by the root of its mean square, then weighted", T, float, double) {
    bitnet::Matrix<T> x(2, 2, {3, 4, 0, 0});
    const std::vector<T> weight{2, -1};
    bitnet::rms_norm<T>(x, weight, 1e-6, x);
    const double root = std::sqrt(12.5 + 1e-6);
    CHECK(static_cast<double>(x(0, 0)) == doctest::Approx(6 / root));
    CHECK(static_cast<double>(x(0, 1)) == doctest::Approx(-4 / root));
    CHECK(x(1, 0) == 0);  // eps keeps a token of zeros finite
}
