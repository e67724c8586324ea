#include <bitnet/infer/generate.hpp>

#include <doctest/doctest.h>

#include "../pipeline/models.hpp"

using bitnet::execution;
using bitnet::generate;
using bitnet::Matrix;
using bitnet::ModelWeights;
using bitnet::Sampler;
using bitnet::Transformer;
using bitnet_test::refusal;
using bitnet_test::TempDir;

namespace {

Transformer small_model(const TempDir& dir) {
    bitnet::write_random_model(dir / "model", {.max_positions = 16});
    return Transformer(ModelWeights(dir / "model"), bitnet::ActivationPrecision::fp32, execution());
}

}  // namespace

TEST_CASE("each token is the sampler's choice from the logits behind all before it") {
    const TempDir dir;
    const Transformer model = small_model(dir);
    std::vector<std::uint32_t> text{5, 6, 7};
    const auto written = generate(model, text, 5, Sampler({.temperature = 0}), execution());
    REQUIRE(written.size() == 5);
    for (const std::uint32_t id : written) {
        auto cache = model.new_cache();
        const Matrix<float> hidden = model.forward(text, cache, execution());
        Matrix<float> logits(1, model.vocabulary());
        model.logits(std::as_const(hidden).view().row_range(text.size() - 1, 1), logits, execution());
        const auto row = std::as_const(logits).row(0);
        CHECK(row[id] == doctest::Approx(*std::max_element(row.begin(), row.end())).epsilon(1e-5));
        text.push_back(id);
    }
}

TEST_CASE("writing ends when it is told to, and with the model's last position") {
    const TempDir dir;
    const Transformer model = small_model(dir);
    const std::vector<std::uint32_t> prompt{5, 6, 7};
    std::size_t told = 0;
    const auto stopped = generate(model, prompt, 9, Sampler({}), execution(), [&](std::uint32_t) { return ++told < 3; });
    CHECK(stopped.size() == 3);
    CHECK(generate(model, prompt, 100, Sampler({}), execution()).size() == 14);  // the last has no position of its own
    CHECK(generate(model, prompt, 0, Sampler({}), execution()).empty());
}

TEST_CASE("a prompt without tokens and one that fills the model are refused") {
    const TempDir dir;
    const Transformer model = small_model(dir);
    CHECK(refusal([&] { generate(model, {}, 1, Sampler({}), execution()); }).second == "the prompt has no token");
    CHECK(refusal([&] { generate(model, std::vector<std::uint32_t>(16, 1), 1, Sampler({}), execution()); }).second ==
          "the prompt has 16 tokens; the model has 16 positions, prompt and answer together");
}
