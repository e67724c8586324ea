#include <bitnet/model/architecture/qwen2.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

using bitnet::ModelConfig;

namespace {
ModelConfig qwen2_config(std::string_view text) {
    const bitnet::Json json = bitnet::parse_json(text, "config.json");
    ModelConfig config;
    bitnet::architecture::qwen2.configure(bitnet::ConfigReader(json, "config.json"), config);
    return config;
}
}  // namespace

TEST_CASE("Qwen2 has biases on queries, keys and values and nowhere else") {
    const ModelConfig config = qwen2_config(R"({"num_hidden_layers": 1, "attention_bias": false, "mlp_bias": true})");
    CHECK(config.vocab_size == 151936);
    CHECK(config.intermediate_size == 22016);
    CHECK(config.kv_heads == 32);
    CHECK(config.max_positions == 32768);
    std::vector<std::string> biases;
    for (const auto& spec : bitnet::architecture::qwen2.tensors(config))
        if (spec.role == bitnet::TensorRole::bias) biases.push_back(spec.name);
    CHECK(biases == std::vector<std::string>{"model.layers.0.self_attn.q_proj.bias",
                                             "model.layers.0.self_attn.k_proj.bias",
                                             "model.layers.0.self_attn.v_proj.bias"});
}

TEST_CASE("Qwen2's window is off until asked for, and then counts from a layer on") {
    CHECK(qwen2_config(R"({"sliding_window": 1024})").window(31) == std::nullopt);
    const ModelConfig late = qwen2_config(R"({"use_sliding_window": true})");
    CHECK(late.window(27) == std::nullopt);
    CHECK(late.window(28) == 4096);
    const ModelConfig all = qwen2_config(R"({"use_sliding_window": true, "sliding_window": 7, "max_window_layers": 0})");
    CHECK(all.window(0) == 7);
    CHECK(qwen2_config(R"({"use_sliding_window": true, "sliding_window": null})").window(31) == std::nullopt);
}

TEST_CASE("layer_types decides layer by layer") {
    const ModelConfig config = qwen2_config(R"({"use_sliding_window": true, "num_hidden_layers": 2,
                                             "layer_types": ["sliding_attention", "full_attention"]})");
    CHECK(config.window(0) == 4096);
    CHECK(config.window(1) == std::nullopt);
    CHECK_THROWS_WITH_AS(
        qwen2_config(R"({"use_sliding_window": true, "num_hidden_layers": 2, "layer_types": ["full_attention"]})"),
        "config.json: layer_types names 1 layers, num_hidden_layers is 2", bitnet::error);
    CHECK_THROWS_WITH_AS(
        qwen2_config(R"({"use_sliding_window": true, "num_hidden_layers": 1, "layer_types": ["linear_attention"]})"),
        "config.json: layer_types: \"linear_attention\" is unknown; known: full_attention, sliding_attention",
        bitnet::error);
}
