#include <bitnet/policy/optimizer/adamw.hpp>

#include <doctest/doctest.h>

#include <support/optimizer_state.hpp>

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

TEST_CASE("a tensor moved in pieces, each with a state of its own, ends at the same weights") {
    const AdamW adam{.weight_decay = 0.1f};
    std::vector<float> whole(37, 0.25f), pieces = whole;
    AdamW::State state(37), first(5), second(32);
    for (int step = 1; step <= 20; ++step) {
        const std::vector<float> g = bitnet_test::some_gradient(37, step);
        adam.update(whole, g, state, 0.02f);
        adam.update(std::span(pieces).first(5), std::span(g).first(5), first, 0.02f);
        adam.update(std::span(pieces).subspan(5), std::span(g).subspan(5), second, 0.02f);
    }
    CHECK(whole == pieces);
}

TEST_CASE("a state is two floats a weight and a step count, and moves through a checkpoint") {
    CHECK(bitnet::state_bytes(AdamW::State(7)) == 2 * 28 + 8);
    CHECK(bitnet_test::survives_a_checkpoint(AdamW{}, {.rows = 3, .cols = 4}));
}
