#include <bitnet/model/layer.hpp>

#include <doctest/doctest.h>

#include "../pipeline/models.hpp"

using bitnet::ActivationPrecision;
using bitnet::execution;
using bitnet::ModelWeights;
using bitnet::PartReader;
using bitnet_test::TempDir;

TEST_CASE("the parts of a layer are those that its architecture has") {
    for (const std::string architecture : {"llama", "qwen2", "gpt2", "bitnet"}) {
        CAPTURE(architecture);
        const TempDir dir;
        bitnet::write_random_model(dir / "model", {.architecture = architecture});
        const ModelWeights weights(dir / "model");
        const auto& names = bitnet::architecture_named(architecture).parts;
        const bitnet::DecoderLayer layer = PartReader(weights, ActivationPrecision::fp32, execution()).layer(names, 1);
        CHECK(layer.qkv.size() == (architecture == "gpt2" ? 1 : 3));
        CHECK(layer.gate.has_value() == (architecture != "gpt2"));
        CHECK(layer.attention_norm.bias.empty() == (architecture != "gpt2"));
        CHECK(layer.attention_sub_norm.has_value() == (architecture == "bitnet"));
        CHECK(layer.mlp_sub_norm.has_value() == (architecture == "bitnet"));
        CHECK(layer.up.outputs() == 192);
        CHECK(layer.down.outputs() == 64);
        const auto& first = std::get<bitnet::Linear<float>>(layer.qkv[0].linear);
        CHECK(first.bias.empty() == (architecture == "llama" || architecture == "bitnet"));
        CHECK(layer.qkv[0].outputs() == (architecture == "gpt2" ? 3 * 64 : 64));
    }
}
