#include <bitnet/policy/optimizer/grokfast.hpp>

#include <doctest/doctest.h>

#include <support/optimizer_state.hpp>

#include <array>

#include <bitnet/policy/optimizer/adamw.hpp>
#include <bitnet/policy/optimizer/sgd.hpp>

using bitnet::optimizer::AdamW;
using bitnet::optimizer::Grokfast;
using bitnet::optimizer::Sgd;
static_assert(bitnet::OptimizerPolicy<Grokfast<Sgd>> && bitnet::OptimizerPolicy<Grokfast<AdamW>>);
static_assert(bitnet::CheckpointedState<Grokfast<AdamW>::State>);

namespace {

struct Stateless {
    static constexpr bitnet::Role role = bitnet::Role::optimizer;
    static constexpr std::string_view name = "stateless";
    struct State {
        explicit State(std::size_t) {}
    };
    void update(std::span<float> w, std::span<const float> g, State&, float learning_rate) const {
        for (std::size_t i = 0; i < w.size(); ++i) w[i] -= learning_rate * g[i];
    }
    bool operator==(const Stateless&) const = default;
};
static_assert(bitnet::OptimizerPolicy<Grokfast<Stateless>>);
static_assert(!bitnet::CheckpointedState<Grokfast<Stateless>::State>);  // what is inside cannot be saved

}  // namespace

TEST_CASE("the average starts at the first gradient, and the gradient plus lambda averages is followed") {
    // g = 1, -1, 3 and alpha = 0.5, by hand: μ = 1, 0, 1.5, so ĝ = 1 + 2, -1 + 0, 3 + 3.
    const Grokfast<Stateless> grokfast{.alpha = 0.5f, .lambda = 2.0f};
    std::array<float, 1> w{0.0f};
    Grokfast<Stateless>::State state({.cols = 1});
    const std::array<float, 3> gradients{1.0f, -1.0f, 3.0f}, followed{3.0f, -1.0f, 6.0f}, averages{1.0f, 0.0f, 1.5f};
    for (std::size_t t = 0; t < 3; ++t) {
        w[0] = 0.0f;
        grokfast.update(w, std::span(gradients).subspan(t, 1), state, 0.5f);
        CHECK(w[0] == -0.5f * followed[t]);
        CHECK(state.mu[0] == averages[t]);
    }
    CHECK(state.step == 3);
}

TEST_CASE("a gradient that stays the same is amplified by one plus lambda from the first step on") {
    const Grokfast<Stateless> grokfast{};
    std::array<float, 1> w{0.0f};
    Grokfast<Stateless>::State state({.cols = 1});
    for (int t = 1; t <= 100; ++t) {
        grokfast.update(w, std::array<float, 1>{0.25f}, state, 1.0f);
        CHECK(w[0] == doctest::Approx(-0.75 * t).epsilon(1e-5));
    }
}

TEST_CASE("with lambda 0 it is the inner optimizer, bit by bit") {
    const AdamW adam{.weight_decay = 0.1f};
    const Grokfast<AdamW> grokfast{.lambda = 0.0f, .inner = adam};
    std::vector<float> w(9, 1.0f), same = w;
    AdamW::State state(9);
    auto grokfast_state = bitnet::optimizer_state<Grokfast<AdamW>>({.cols = 9});
    for (int step = 1; step <= 5; ++step) {
        const std::vector<float> g = bitnet_test::some_gradient(9, step);
        adam.update(w, g, state, 0.01f);
        grokfast.update(same, g, grokfast_state, 0.01f);
    }
    CHECK(w == same);
}

TEST_CASE("a state holds the average and the inner state, and moves through a checkpoint") {
    CHECK(bitnet::state_bytes(Grokfast<AdamW>::State({.cols = 7})) == 28 + 8 + (2 * 28 + 8));
    CHECK(bitnet_test::survives_a_checkpoint(Grokfast<AdamW>{}, {.rows = 3, .cols = 4}));
    CHECK(bitnet_test::survives_a_checkpoint(Grokfast<Grokfast<Sgd>>{}, {.cols = 5}));
    bitnet_test::SavedState saved;
    const Grokfast<AdamW>::State state({.cols = 1});
    bitnet::each_field(state, saved);
    CHECK(saved.floats.size() == 3);
    CHECK(saved.floats.contains("inner.square"));
}

TEST_CASE("the inner policy stands in the text with its knobs and their ranges") {
    const Grokfast<AdamW> grokfast{.alpha = 0.5f, .inner = {.beta2 = 0.75f}};
    const std::string text = bitnet::to_string(grokfast);
    CHECK(text == "grokfast{.alpha=0.5, .lambda=2, .inner=adamw{.beta1=0.9, .beta2=0.75, .epsilon=1e-08, .weight_decay=0}}");
    CHECK(bitnet::from_string<Grokfast<AdamW>>(text) == grokfast);
    CHECK(bitnet::from_string<Grokfast<AdamW>>("grokfast{.inner=adamw{.beta2=0.75}, .alpha=0.5}") == grokfast);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Grokfast<Sgd>>(text),
                         doctest::Contains("sgd: expected sgd{...}, found \"adamw{"), bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Grokfast<Sgd>>("grokfast{.inner=sgd{.momentum=1}}"),
                         "sgd: momentum = 1 is outside [0, 0.9999]", bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Grokfast<Sgd>{.alpha = 1.0f}), "grokfast: alpha = 1 is outside [0, 0.999999]",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Grokfast<Sgd>{.inner = {.weight_decay = 2.0f}}),
                         "sgd: weight_decay = 2 is outside [0, 1]", bitnet::error);
}
