#include <bitnet/model/architecture/description.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <bitnet/model/config_reader.hpp>

namespace {
void configure_tiny(const bitnet::ConfigReader& keys, bitnet::ModelConfig& config) {
    config.vocab_size = keys.count("vocab_size", 16);
}
std::vector<bitnet::TensorSpec> tiny_tensors(const bitnet::ModelConfig& config) {
    return {{"table.weight", bitnet::TensorRole::token_embedding, {config.vocab_size, 4}, "(vocab_size, 4)"}};
}
constexpr bitnet::Architecture tiny{.name = "tiny",
                                    .class_name = "TinyForCausalLM",
                                    .model_type = "tiny",
                                    .optional_prefix = "",
                                    .token_embedding = "table.weight",
                                    .buffers = {},
                                    .configure = configure_tiny,
                                    .tensors = tiny_tensors};
}  // namespace

TEST_CASE("an architecture is a value with two functions: keys to configuration, configuration to tensors") {
    const bitnet::Json json = bitnet::parse_json(R"({"vocab_size": 32})", "config.json");
    bitnet::ModelConfig config;
    tiny.configure(bitnet::ConfigReader(json, "config.json"), config);
    const std::vector<bitnet::TensorSpec> specs = tiny.tensors(config);
    REQUIRE(specs.size() == 1);
    CHECK(specs[0].shape == bitnet::Shape{32, 4});
    CHECK_FALSE(specs[0].transposed);
    CHECK_FALSE(specs[0].optional);
}
