#include <bitnet/policy/optimizer/sgd.hpp>

#include <doctest/doctest.h>

#include <support/optimizer_state.hpp>

#include <array>

using bitnet::optimizer::Sgd;
static_assert(bitnet::OptimizerPolicy<Sgd>);

TEST_CASE("plain descent follows the gradient") {
    std::array<float, 2> w{1.0f, -1.0f};
    Sgd::State state(2);
    Sgd{}.update(w, std::array<float, 2>{0.5f, -2.0f}, state, 0.1f);
    CHECK(w[0] == doctest::Approx(0.95));
    CHECK(w[1] == doctest::Approx(-0.8));
}

TEST_CASE("momentum and weight decay add up as written") {
    // Three steps by hand: g' = g + 0.1 w, b = 0.9 b + g', w -= 0.5 b.
    const Sgd sgd{.momentum = 0.9f, .weight_decay = 0.1f};
    std::array<float, 1> w{2.0f};
    Sgd::State state(1);
    double weight = 2.0, buffer = 0.0;
    for (const float gradient : {1.0f, -0.5f, 0.25f}) {
        sgd.update(w, std::array<float, 1>{gradient}, state, 0.5f);
        buffer = 0.9 * buffer + (static_cast<double>(gradient) + 0.1 * weight);
        weight -= 0.5 * buffer;
        CHECK(static_cast<double>(w[0]) == doctest::Approx(weight).epsilon(1e-6));
    }
    CHECK(bitnet::from_string<Sgd>(bitnet::to_string(sgd)) == sgd);
}

TEST_CASE("a state of momentum alone is one float a weight, and moves through a checkpoint") {
    CHECK(bitnet::state_bytes(Sgd::State(7)) == 28);
    CHECK(bitnet_test::survives_a_checkpoint(Sgd{.momentum = 0.9f, .weight_decay = 0.1f}, {.cols = 7}));
}
