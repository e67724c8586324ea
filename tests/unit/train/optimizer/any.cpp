#include <bitnet/train/optimizer/any.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <support/optimizer_state.hpp>

using namespace bitnet;

TEST_CASE("an optimizer chosen at run time moves weights as its own type does, and has its state") {
    const auto check = [](std::string_view name, const auto& plain) {
        CAPTURE(name);
        const optimizer::Any any = optimizer::any_named(name);
        CHECK(to_string(any) == to_string(plain));
        const ParameterShape shape{3, 4, true};
        auto state = optimizer_state<std::decay_t<decltype(plain)>>(shape);
        optimizer::Any::State any_state = any.new_state(shape);
        std::vector<float> w(12, 0.5f), any_w = w, g(12);
        for (int step = 0; step < 3; ++step) {
            for (std::size_t i = 0; i < 12; ++i) g[i] = static_cast<float>(i) - 5.0f + static_cast<float>(step);
            plain.update(w, g, state, 0.1f);
            any.update(any_w, g, any_state, 0.1f);
        }
        CHECK(w == any_w);
        CHECK(state_bytes(any_state) == state_bytes(state));
    };
    check("adamw", optimizer::AdamW{.beta2 = 0.95f});
    check("sgd", optimizer::Sgd{.momentum = 0.9f});
    check("muon", optimizer::Muon{});
    check("grokfast", optimizer::Grokfast<optimizer::AdamW>{.inner = {.beta2 = 0.95f}});
    check("mu_grokfast", optimizer::MuGrokfast{});
    CHECK_THROWS_WITH_AS(optimizer::any_named("adam"), "optimizer \"adam\" is unknown; there are adamw, sgd, muon, grokfast, mu_grokfast", bitnet::error);
}
