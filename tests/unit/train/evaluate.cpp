#include <bitnet/train/evaluate.hpp>

#include <doctest/doctest.h>

#include <bitnet/model/random_model.hpp>

#include <support/temp_dir.hpp>

TEST_CASE("a network's perplexity is that of the transformer with its weights, for every context and stride") {
    const bitnet_test::TempDir dir;
    bitnet::write_random_model(dir / "model", {.vocab_size = 50, .layers = 1});
    const bitnet::ModelWeights weights(dir / "model");
    const bitnet::Transformer transformer(weights, bitnet::ActivationPrecision::fp32, bitnet::execution());
    bitnet::Network<float> network(weights.config(), bitnet::read_parameters<float>(weights, bitnet::execution()));
    std::vector<std::vector<std::uint32_t>> documents(7);
    for (std::size_t i = 0; i < documents.size(); ++i)
        for (std::size_t t = 0; t < 3 + 60 * i; ++t) documents[i].push_back(static_cast<std::uint32_t>((t * t + i) % 50));
    for (const bitnet::PerplexityOptions& options : {bitnet::PerplexityOptions{64, 64}, {64, 16}, {128, 100}, {2, 1}}) {
        const bitnet::Perplexity expected = bitnet::perplexity(transformer, documents, options, bitnet::execution());
        const bitnet::Perplexity got = bitnet::evaluate(network, documents, options, 2);
        CHECK(got.tokens == expected.tokens);
        CHECK(got.perplexity() == doctest::Approx(expected.perplexity()).epsilon(1e-6));
        CHECK(bitnet::evaluate(network, documents, options, 1) == got);
    }
    CHECK_THROWS_AS(bitnet::evaluate(network, documents, {64, 65}, 1), bitnet::error);
}
