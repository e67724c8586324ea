#include <bitnet/report/tensor_place.hpp>

#include <doctest/doctest.h>

#include <string>

using bitnet::report::place_of;

TEST_CASE("a name tells layer and matrix") {
    const auto llama = place_of("model.layers.3.mlp.up_proj.weight");
    CHECK(llama.prefix == "model.layers");
    CHECK(llama.layer == 3u);
    CHECK(llama.matrix == "mlp.up_proj");
    const auto gpt2 = place_of("h.12.attn.c_attn.weight");
    CHECK(gpt2.prefix == "h");
    CHECK(gpt2.layer == 12u);
    CHECK(gpt2.matrix == "attn.c_attn");
    const auto expert = place_of("model.layers.0.mlp.experts.7.w1.weight");
    CHECK(expert.layer == 0u);
    CHECK(expert.matrix == "mlp.experts.7.w1");
    const auto bare = place_of("3.weight");
    CHECK(bare.prefix.empty());
    CHECK(bare.layer == 3u);
    CHECK(bare.matrix == "weight");
}

TEST_CASE("a name without a layer is a matrix of its own") {
    for (const std::string name : {"lm_head", "", ".", "weight", "layers.-1.x", "layers.1a.x", "layers.007.x", "layers.99999999999999999999999.x"}) {
        const auto place = place_of(name + ".weight");
        CHECK_MESSAGE(!place.layer, name);
        CHECK(place.prefix.empty());
        CHECK(place.matrix == (name.empty() ? ".weight" : name));
    }
    CHECK(!place_of("layers.3").layer);
    CHECK(!place_of("layers.3.").layer);
    CHECK(place_of("").matrix.empty());
    CHECK(place_of(".weight").matrix == ".weight");
}
