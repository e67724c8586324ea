#include <bitnet/infer/self_text.hpp>

#include <doctest/doctest.h>

#include <bitnet/model/random_model.hpp>

#include <support/temp_dir.hpp>

using namespace bitnet;

TEST_CASE("each text that a model writes depends on the seed and its number alone") {
    const bitnet_test::TempDir dir;
    write_random_model(dir / "model", {.layers = 1});
    const ModelWeights weights(dir / "model");
    const Transformer model(weights, ActivationPrecision::fp32, execution());
    const SelfTextOptions options{.texts = 5, .tokens = 20, .first = 7, .seed = 3};
    std::size_t told = 0, calls = 0;
    const auto texts = self_text(model, options, {execution().kernels, 2}, [&](std::size_t done, std::size_t) { told = done, ++calls; });
    CHECK(told == 5);
    CHECK(calls == 1);
    for (const auto& text : texts) {
        CHECK(text.size() == 20);
        CHECK(text[0] == 7);
    }
    CHECK(texts[0] != texts[1]);
    CHECK(self_text(model, options, {execution().kernels, 1}) == texts);
    SelfTextOptions fewer = options;
    fewer.texts = 2;
    CHECK(self_text(model, fewer, execution())[1] == texts[1]);
    SelfTextOptions more = options;
    more.texts = 40;  // more than are written in step
    const auto longer = self_text(model, more, {execution().kernels, 2});
    CHECK(longer.size() == 40);
    CHECK(longer[4] == texts[4]);
    CHECK(longer[39] == self_text(model, more, {execution().kernels, 1})[39]);
    more.tokens = 1;
    CHECK(self_text(model, more, execution())[39] == std::vector<std::uint32_t>{7});
    more.tokens = 100000;
    CHECK_THROWS_WITH_AS(self_text(model, more, execution()), doctest::Contains("texts of 100000 tokens: the model has "), error);
    fewer.seed = 4;
    CHECK(self_text(model, fewer, execution())[1] != texts[1]);
}
