#include <bitnet/train/optimizer/mu_grokfast.hpp>

#include <doctest/doctest.h>

#include <support/optimizer_state.hpp>

using bitnet::optimizer::MuGrokfast;
using bitnet::optimizer::Muon;
static_assert(bitnet::OptimizerPolicy<MuGrokfast> && bitnet::CheckpointedState<MuGrokfast::State>);

TEST_CASE("the defaults are those of the phase that this library replaces") {
    CHECK(MuGrokfast{}.alpha == 0.98f);
    CHECK(MuGrokfast{}.lambda == 2.0f);
    CHECK(MuGrokfast{}.inner.momentum == 0.95f);
    CHECK(bitnet::from_string<MuGrokfast>(bitnet::to_string(MuGrokfast{.lambda = 0.5f})) == MuGrokfast{.lambda = 0.5f});
}

TEST_CASE("Muon moves a block's matrix along the amplified gradient") {
    // g, then 3·g, alpha 0.5, lambda 2: μ = g and 2·g, so the amplified ones are 3·g and 7·g.
    const MuGrokfast both{.alpha = 0.5f};
    const bitnet::ParameterShape shape{.rows = 4, .cols = 3, .block_matrix = true};
    const std::vector<float> g = bitnet_test::some_gradient(12, 1);
    std::vector<float> w(12, 0.0f), expected = w, amplified(12);
    MuGrokfast::State state(shape);
    Muon::State muon_state(shape);
    const auto times = [&](float factor) {
        for (std::size_t i = 0; i < 12; ++i) amplified[i] = factor * g[i];
        return amplified;
    };
    both.update(w, times(1), state, 0.1f);
    both.update(w, times(3), state, 0.1f);
    Muon{}.update(expected, times(3), muon_state, 0.1f);
    Muon{}.update(expected, times(7), muon_state, 0.1f);
    for (std::size_t i = 0; i < 12; ++i) CHECK(w[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("blocks' matrices and other tensors move through a checkpoint") {
    CHECK(bitnet_test::survives_a_checkpoint(MuGrokfast{}, {.rows = 4, .cols = 3, .block_matrix = true}));
    CHECK(bitnet_test::survives_a_checkpoint(MuGrokfast{}, {.rows = 4, .cols = 3}));
    CHECK(bitnet::state_bytes(MuGrokfast::State({.rows = 4, .cols = 3, .block_matrix = true})) == 12 * 4 + 8 + 12 * 4);
}
