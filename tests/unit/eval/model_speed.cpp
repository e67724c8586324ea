#include <bitnet/eval/model_speed.hpp>

#include <doctest/doctest.h>

#include "../pipeline/models.hpp"

using namespace bitnet;
using bitnet_test::refusal;
using bitnet_test::TempDir;

TEST_CASE("a token costs the weights of the layers and of the head") {
    const TempDir dir;
    write_random_model(dir / "model", {});  // hidden 64, feed-forward 192, 2 layers, 4 heads, 2 of them for keys
    const Transformer model(ModelWeights(dir / "model"), ActivationPrecision::fp32, execution());
    const TokenCost cost = token_cost(model);
    CHECK(cost.layer_products == 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 192));
    CHECK(cost.head_products == 64 * 256);
    CHECK(cost.bytes() == 4 * cost.products());
}

TEST_CASE("both speeds are measured as often as asked for, within the model's positions") {
    const TempDir dir;
    write_random_model(dir / "model", {});
    const Transformer model(ModelWeights(dir / "model"), ActivationPrecision::fp32, execution());
    std::vector<std::size_t> told;
    const ModelSpeed speed = model_speed(model, {.prompt_tokens = 30, .generated_tokens = 5, .repetitions = 2}, execution(),
                                         [&](std::size_t done, std::size_t all) {
        CHECK(all == 4);
        told.push_back(done);
    });
    CHECK(told == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(speed.prompt > 0);
    CHECK(speed.generation > 0);
    const auto [code, what] = refusal([&] { model_speed(model, {.prompt_tokens = 129}, execution()); });
    CHECK(code == errc::bad_value);
    CHECK(what == "a text of 129 tokens; the model has 128 positions");
}
