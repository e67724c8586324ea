#include <bitnet/model/architecture/bitnet.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>

using bitnet::ModelConfig;

namespace {
ModelConfig bitnet_config(std::string_view text) {
    const bitnet::Json json = bitnet::parse_json(text, "config.json");
    ModelConfig config;
    bitnet::architecture::bitnet_b158.configure(bitnet::ConfigReader(json, "config.json"), config);
    return config;
}
}  // namespace

TEST_CASE("BitNet's defaults are the published model, parameter for parameter") {
    const ModelConfig config = bitnet_config(R"({"tie_word_embeddings": true, "max_position_embeddings": 4096})");
    CHECK(config.kv_heads == 5);
    CHECK(config.head_dim == 128);
    CHECK(config.activation == bitnet::Activation::relu2);
    CHECK(config.norm_eps == 1e-5);
    CHECK(config.rope->theta == 500000);
    std::size_t parameters = 0;
    for (const auto& spec : bitnet::architecture::bitnet_b158.tensors(config))
        if (!spec.optional) parameters += bitnet::element_count(spec.shape);
    CHECK(parameters == 2412820480);
}

TEST_CASE("BitNet has a norm in front of each output projection") {
    const ModelConfig config = bitnet_config(R"({"num_hidden_layers": 1})");
    std::size_t found = 0;
    for (const auto& spec : bitnet::architecture::bitnet_b158.tensors(config)) {
        if (spec.name == "model.layers.0.self_attn.attn_sub_norm.weight") {
            CHECK(spec.shape == bitnet::Shape{2560});
            ++found;
        }
        if (spec.name == "model.layers.0.mlp.ffn_sub_norm.weight") {
            CHECK(spec.shape == bitnet::Shape{6912});
            ++found;
        }
    }
    CHECK(found == 2);
    CHECK_THROWS_WITH_AS(bitnet_config(R"({"head_dim": 64})"),
                         "config.json: head_dim = 64 times 20 heads is not hidden_size = 2560", bitnet::error);
}
