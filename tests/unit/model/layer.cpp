#include <bitnet/model/layer.hpp>

#include <doctest/doctest.h>

#include "packed_by_transformers.hpp"

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

TEST_CASE("the bias of a packed layer is under the scale for the class autobitlinear, and beside it for the other") {
    for (const std::string linear_class : {"bitlinear", "autobitlinear"}) {
        const TempDir dir;
        const bitnet::RandomModel model{.keys = {{"attention_bias", true}}};
        bitnet_test::write_packed_by_transformers(dir / "online", dir / "offline", model, linear_class);
        const ModelWeights weights(dir / "offline");
        const PartReader parts(weights, ActivationPrecision::fp32, execution());
        const std::string name = "model.layers.0.self_attn.q_proj";
        const auto linear = std::get<bitnet::TernaryLinear>(parts.projection(name).linear);
        CHECK(linear.activations == ActivationPrecision::int8);
        const float factor = linear_class == "autobitlinear" ? linear.weight.planes[0].scales[0] : 1.0f;
        const auto stored = weights.dense(name + ".bias", execution());
        REQUIRE(stored(0, 5) != 0);
        CHECK(linear.bias[5] == stored(0, 5) * factor);
    }
}
