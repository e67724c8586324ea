#include <bitnet/model/architecture/gpt2.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>

using bitnet::ModelConfig;
using bitnet::Shape;
using bitnet::TensorRole;

namespace {
ModelConfig gpt2_config(std::string_view text) {
    const bitnet::Json json = bitnet::parse_json(text, "config.json");
    ModelConfig config;
    bitnet::architecture::gpt2.configure(bitnet::ConfigReader(json, "config.json"), config);
    return config;
}
}  // namespace

TEST_CASE("GPT-2's defaults are its smallest model, parameter for parameter") {
    const ModelConfig config = gpt2_config("{}");
    CHECK(config.tied_head);
    CHECK(config.head_dim == 64);
    CHECK(config.intermediate_size == 3072);
    CHECK(config.activation == bitnet::Activation::gelu_tanh);
    CHECK(config.norm_eps == 1e-5);
    CHECK(config.scale_attention);
    CHECK_FALSE(config.scale_attention_by_layer);
    CHECK_FALSE(config.rope.has_value());
    std::size_t parameters = 0;
    for (const auto& spec : bitnet::architecture::gpt2.tensors(config))
        if (!spec.optional) parameters += bitnet::element_count(spec.shape);
    CHECK(parameters == 124439808);
}

TEST_CASE("sizes stand under GPT-2's own names or under those of other families") {
    const ModelConfig own = gpt2_config(R"({"n_embd": 16, "n_head": 2, "n_layer": 3, "n_positions": 32, "n_inner": 40,
                                          "hidden_size": 999})");
    const ModelConfig other = gpt2_config(R"({"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 3,
                                            "max_position_embeddings": 32, "n_inner": null})");
    CHECK(own.hidden_size == 16);
    CHECK(own.intermediate_size == 40);
    CHECK(other.hidden_size == 16);
    CHECK(other.intermediate_size == 64);
    CHECK(own.layers == other.layers);
    CHECK(own.max_positions == other.max_positions);
    CHECK(own.heads == other.heads);
    CHECK_FALSE(gpt2_config(R"({"scale_attn_weights": false})").scale_attention);
    CHECK(gpt2_config(R"({"scale_attn_by_inverse_layer_idx": true})").scale_attention_by_layer);
}

TEST_CASE("linear weights of GPT-2 have their outputs as columns, and nothing else has") {
    std::size_t transposed = 0;
    const ModelConfig config = gpt2_config(R"({"n_embd": 8, "n_head": 2, "n_layer": 1})");
    for (const auto& spec : bitnet::architecture::gpt2.tensors(config)) {
        INFO(spec.name);
        const bool linear = spec.role == TensorRole::attention || spec.role == TensorRole::feed_forward;
        CHECK(spec.transposed == linear);
        transposed += spec.transposed;
        if (spec.name == "h.0.attn.c_attn.weight") CHECK(spec.shape == Shape{8, 24});
        if (spec.name == "h.0.mlp.c_fc.weight") CHECK(spec.shape == Shape{8, 32});
        if (spec.name == "h.0.mlp.c_proj.weight") CHECK(spec.shape == Shape{32, 8});
        if (spec.name == "h.0.ln_1.bias") CHECK(spec.role == TensorRole::norm);
        if (spec.name == "h.0.attn.c_attn.bias") CHECK(spec.role == TensorRole::bias);
        if (spec.name == "wpe.weight") CHECK(spec.role == TensorRole::position_embedding);
    }
    CHECK(transposed == 4);
}

TEST_CASE("a GPT-2 that is no decoder alone, or whose heads do not divide it, is refused") {
    CHECK_THROWS_WITH_AS(gpt2_config(R"({"add_cross_attention": true})"),
                         "config.json: add_cross_attention is not supported", bitnet::error);
    CHECK_THROWS_WITH_AS(gpt2_config(R"({"n_embd": 10})"), "config.json: n_embd = 10 is not a multiple of n_head = 12",
                         bitnet::error);
}
