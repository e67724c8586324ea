#include <bitnet/nn/softmax.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_CASE_TEMPLATE("softmax is the formula at every length around its lanes, in place or not", T, float, double) {
    for (std::size_t length = 1; length < 20; ++length) {
        std::vector<T> x(length), p(length);
        double sum = 0;
        for (std::size_t i = 0; i < length; ++i) {
            x[i] = static_cast<T>(std::sin(static_cast<double>(3 * i)) * 4);
            sum += std::exp(static_cast<double>(x[i]));
        }
        const bitnet::SoftmaxSums<T> sums = bitnet::softmax<T>(x, p, *bitnet::execution().kernels);
        CHECK(sums.log_sum() == doctest::Approx(std::log(sum)));
        for (std::size_t i = 0; i < length; ++i)
            CHECK(static_cast<double>(p[i]) == doctest::Approx(std::exp(static_cast<double>(x[i])) / sum));
        bitnet::softmax<T>(x, x, *bitnet::execution().kernels);
        CHECK(x == p);
    }
}
