#include <bitnet/policy/optimizer/adamw.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>

using bitnet::optimizer::AdamW;
static_assert(bitnet::OptimizerPolicy<AdamW>);

TEST_CASE("the first step moves every weight by the learning rate, whatever the gradient's size") {
    std::array<float, 3> w{1.0f, 1.0f, 1.0f};
    AdamW::State state(3);
    AdamW{}.update(w, std::array<float, 3>{1e-3f, -5.0f, 1e3f}, state, 0.01f);
    CHECK(w[0] == doctest::Approx(0.99).epsilon(1e-5));
    CHECK(w[1] == doctest::Approx(1.01).epsilon(1e-5));
    CHECK(w[2] == doctest::Approx(0.99).epsilon(1e-5));
}

TEST_CASE("fifty steps follow the formula in double precision") {
    const AdamW adam{.beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-6f, .weight_decay = 0.1f};
    std::array<float, 1> w{0.5f};
    AdamW::State state(1);
    double weight = 0.5, m = 0, v = 0;
    for (int t = 1; t <= 50; ++t) {
        const float gradient = static_cast<float>(std::sin(0.7 * t));
        adam.update(w, std::array<float, 1>{gradient}, state, 0.01f);
        const double g = static_cast<double>(gradient);
        m = 0.9 * m + 0.1 * g;
        v = 0.95 * v + 0.05 * g * g;
        weight = weight * (1 - 0.01 * 0.1) - 0.01 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-6);
    }
    CHECK(static_cast<double>(w[0]) == doctest::Approx(weight).epsilon(1e-5));
    CHECK(state.step == 50);
    CHECK(bitnet::from_string<AdamW>(bitnet::to_string(adam)) == adam);
}
