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
    std::size_t told = 0;
    const auto texts = self_text(model, options, {execution().kernels, 2}, [&](std::size_t, std::size_t) { ++told; });
    CHECK(told == 5);
    for (const auto& text : texts) {
        CHECK(text.size() == 20);
        CHECK(text[0] == 7);
    }
    CHECK(texts[0] != texts[1]);
    CHECK(self_text(model, options, {execution().kernels, 1}) == texts);
    SelfTextOptions fewer = options;
    fewer.texts = 2;
    CHECK(self_text(model, fewer, execution())[1] == texts[1]);
    fewer.seed = 4;
    CHECK(self_text(model, fewer, execution())[1] != texts[1]);
}
