#include <bitnet/kernel/exponential.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using bitnet::exponential;

TEST_CASE("the exponential of a float is within 2e-7 of that in double, over all of its range") {
    double worst = 0;
    for (float x = -86.5f; x <= 86.5f; x += 0.0007f) {
        const double exact = std::exp(static_cast<double>(x));
        worst = std::max(worst, std::fabs(static_cast<double>(exponential(x)) - exact) / exact);
    }
    CHECK(worst < 2e-7);
    CHECK(worst > 1e-9);  // floats cannot be better: the loop has run
}

TEST_CASE("the exponential knows the ends of its range") {
    constexpr float infinite = std::numeric_limits<float>::infinity();
    CHECK(exponential(0.0f) == 1.0f);
    CHECK(exponential(-0.0f) == 1.0f);
    CHECK(exponential(-infinite) == 0.0f);
    CHECK(exponential(-100.0f) == 0.0f);
    CHECK(exponential(100.0f) == infinite);
    CHECK(exponential(infinite) == infinite);
    CHECK(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
    CHECK(exponential(1.5) == std::exp(1.5));
}
