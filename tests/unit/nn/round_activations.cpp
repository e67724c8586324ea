#include <bitnet/nn/round_activations.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>

using bitnet::Matrix;

TEST_CASE("activations become multiples of a 127th of their token's largest, ties to even") {
    Matrix<double> x(2, 4, {127, 0.5, -1.5, 3.4, 0, 0, 0, 0});
    bitnet::round_activations<double>(x, 1);
    CHECK(x.values() == std::vector<double>{127, 0, -2, 3, 0, 0, 0, 0});
    Matrix<double> half(1, 2, {127, 3.4});
    bitnet::round_activations<double>(half, 0.5);
    CHECK(half(0, 1) == doctest::Approx(3.2));
}

TEST_CASE("a product of rounded activations is the one of the kernels with int8 activations") {
    Matrix<float> x(3, 300);
    for (std::size_t t = 0; t < 3; ++t)
        for (std::size_t c = 0; c < 300; ++c) x(t, c) = std::sin(static_cast<float>(t * 300 + c * c)) * static_cast<float>(t + 1);
    bitnet::TernaryMatrix w{.rows = 1, .cols = 300, .group = 300};
    const std::vector<std::uint8_t> ones(75, 0xaa);  // trit2: 2 stands for +1
    const std::vector<float> scale{1};
    w.codes = ones;
    w.scales = scale;
    bitnet::Int8Activations ready;
    prepare(ready, std::span(x.values()), w, bitnet::best_kernels());
    std::vector<float> y(3);
    multiply(w, 0, 1, ready, y, bitnet::best_kernels());
    bitnet::round_activations<float>(x, 1);
    for (std::size_t t = 0; t < 3; ++t) {
        double sum = 0;
        for (const float value : x.row(t)) sum += static_cast<double>(value);
        CHECK(static_cast<double>(y[t]) == doctest::Approx(sum).epsilon(1e-5));
    }
}
