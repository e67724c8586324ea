#include <bitnet/model/architecture/llama.hpp>

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

using bitnet::ModelConfig;
using bitnet::Shape;
using bitnet::TensorRole;

namespace {
ModelConfig config_of(const bitnet::Architecture& family, std::string_view text) {
    const bitnet::Json json = bitnet::parse_json(text, "config.json");
    ModelConfig config;
    family.configure(bitnet::ConfigReader(json, "config.json"), config);
    return config;
}
std::map<std::string, bitnet::TensorSpec> by_name(const std::vector<bitnet::TensorSpec>& specs) {
    std::map<std::string, bitnet::TensorSpec> out;
    for (const auto& spec : specs) out[spec.name] = spec;
    return out;
}
constexpr std::string_view small = R"({"hidden_size": 8, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 11, "head_dim": 6, "attention_bias": true,
    "mlp_bias": true, "tie_word_embeddings": true})";
}  // namespace

TEST_CASE("an absent key of Llama means what it means to the reference") {
    const ModelConfig config = config_of(bitnet::architecture::llama, "{}");
    CHECK(config.vocab_size == 32000);
    CHECK(config.hidden_size == 4096);
    CHECK(config.intermediate_size == 11008);
    CHECK(config.layers == 32);
    CHECK(config.heads == 32);
    CHECK(config.kv_heads == 32);
    CHECK(config.head_dim == 128);
    CHECK(config.max_positions == 2048);
    CHECK(config.norm_eps == 1e-6);
    CHECK(config.activation == bitnet::Activation::silu);
    CHECK_FALSE(config.tied_head);
    CHECK_FALSE(config.qkv_bias);
    CHECK_FALSE(config.attention_output_bias);
    CHECK_FALSE(config.mlp_bias);
    REQUIRE(config.rope.has_value());
    CHECK(config.rope->theta == 10000);
    CHECK(config.window(0) == std::nullopt);
}

TEST_CASE("Mistral has other defaults, a window that null turns off, and never a bias") {
    const ModelConfig config = config_of(bitnet::architecture::mistral, R"({"attention_bias": true})");
    CHECK(config.intermediate_size == 14336);
    CHECK(config.kv_heads == 8);
    CHECK(config.max_positions == 131072);
    CHECK(config.window(31) == 4096);
    CHECK_FALSE(config.qkv_bias);
    CHECK(config_of(bitnet::architecture::mistral, R"({"sliding_window": null})").window(0) == std::nullopt);
    CHECK(config_of(bitnet::architecture::mistral, R"({"num_key_value_heads": null})").kv_heads == 32);
}

TEST_CASE("heads may be wider or narrower than hidden_size says") {
    const ModelConfig nemo =
        config_of(bitnet::architecture::mistral, R"({"hidden_size": 5120, "head_dim": 128, "num_hidden_layers": 1})");
    const auto specs = by_name(bitnet::architecture::llama_tensors(nemo));
    CHECK(specs.at("model.layers.0.self_attn.q_proj.weight").shape == Shape{4096, 5120});
    CHECK(specs.at("model.layers.0.self_attn.o_proj.weight").shape == Shape{5120, 4096});
    CHECK(config_of(bitnet::architecture::llama, R"({"head_dim": null})").head_dim == 128);
}

TEST_CASE("the tensors of Llama have the shapes of its configuration, biases where it says so") {
    const auto list = bitnet::architecture::llama_tensors(config_of(bitnet::architecture::llama, small));
    CHECK(list.size() == 2 * (9 + 7) + 3);
    CHECK(list.front().name == "model.embed_tokens.weight");
    CHECK(list.back().name == "lm_head.weight");
    CHECK(list.back().optional);
    const auto specs = by_name(list);
    const std::string layer = "model.layers.1.";
    CHECK(specs.at("model.embed_tokens.weight").shape == Shape{11, 8});
    CHECK(specs.at(layer + "input_layernorm.weight").shape == Shape{8});
    CHECK(specs.at(layer + "input_layernorm.weight").role == TensorRole::norm);
    CHECK(specs.at(layer + "self_attn.q_proj.weight").shape == Shape{24, 8});
    CHECK(specs.at(layer + "self_attn.q_proj.bias").shape == Shape{24});
    CHECK(specs.at(layer + "self_attn.k_proj.weight").shape == Shape{12, 8});
    CHECK(specs.at(layer + "self_attn.v_proj.bias").shape == Shape{12});
    CHECK(specs.at(layer + "self_attn.o_proj.weight").shape == Shape{8, 24});
    CHECK(specs.at(layer + "self_attn.o_proj.weight").role == TensorRole::attention);
    CHECK(specs.at(layer + "self_attn.o_proj.bias").role == TensorRole::bias);
    CHECK(specs.at(layer + "mlp.gate_proj.weight").shape == Shape{24, 8});
    CHECK(specs.at(layer + "mlp.down_proj.weight").shape == Shape{8, 24});
    CHECK(specs.at(layer + "mlp.down_proj.weight").role == TensorRole::feed_forward);
    CHECK(specs.at(layer + "mlp.down_proj.bias").shape == Shape{8});
    CHECK(specs.at("model.norm.weight").shape == Shape{8});
    CHECK_FALSE(specs.at("lm_head.weight").transposed);
}

TEST_CASE("sizes that fit no model are refused by key") {
    const auto refused = [](std::string_view text) { config_of(bitnet::architecture::llama, text); };
    CHECK_THROWS_WITH_AS(refused(R"({"num_attention_heads": 9, "num_key_value_heads": 4})"),
                         "config.json: num_attention_heads = 9 is not a multiple of num_key_value_heads = 4",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(refused(R"({"hidden_size": 100})"),
                         "config.json: hidden_size = 100 is not a multiple of num_attention_heads = 32", bitnet::error);
    CHECK_THROWS_WITH_AS(refused(R"({"head_dim": 5})"),
                         "config.json: head_dim = 5 is odd; rotary positions turn pairs of values", bitnet::error);
    CHECK_THROWS_WITH_AS(refused(R"({"num_hidden_layers": 100000})"),
                         "config.json: num_hidden_layers: expected a whole number from 1 to 10000, found 100000",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(refused(R"({"vocab_size": -1})"),
                         "config.json: vocab_size: expected a whole number from 1 to 2147483647, found -1",
                         bitnet::error);
}
