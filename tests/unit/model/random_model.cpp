#include <bitnet/model/random_model.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <vector>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

using bitnet::RandomModel;
using bitnet_test::read_weights;
using bitnet_test::StoredTensor;
using bitnet_test::TempDir;
using bitnet_test::Weights;

namespace {
std::vector<float> floats(const StoredTensor& tensor) {
    std::vector<float> out(tensor.bytes.size() / 4);
    std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
    return out;
}
Weights made(const RandomModel& model) {
    const TempDir dir;
    bitnet::write_random_model(dir.path(), model);
    Weights out;
    for (const auto& file : std::filesystem::directory_iterator(dir.path()))
        if (file.path().extension() == ".safetensors") out.merge(read_weights(file.path()));
    return out;
}
}  // namespace

TEST_CASE("a seed makes the same model every time, and another seed another one") {
    const Weights once = made({.seed = 5});
    CHECK(once == made({.seed = 5}));
    CHECK(once != made({.seed = 6}));
    CHECK_FALSE(once.contains("lm_head.weight"));
    CHECK(made({.tied = false}).contains("lm_head.weight"));
    // Weights that a file from another machine must have too.
    const std::vector<float> embedding = floats(once.at("model.embed_tokens.weight"));
    CHECK(embedding[0] == 0x1.b69daap-10f);
    CHECK(embedding[1] == 0x1.39af8ep-6f);
}

TEST_CASE("values do not depend on the number of shards, and on the dtype only by rounding") {
    const Weights whole = made({.seed = 3});
    CHECK(whole == made({.shards = 5, .seed = 3}));
    const Weights half = made({.dtype = bitnet::DType::F16, .seed = 3});
    const Weights brain = made({.dtype = bitnet::DType::BF16, .seed = 3});
    for (const auto& [name, tensor] : whole) {
        const std::vector<float> values = floats(tensor);
        REQUIRE(half.at(name).bytes.size() == 2 * values.size());
        std::size_t different = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            std::uint16_t bits = 0;
            std::memcpy(&bits, &half.at(name).bytes[2 * i], 2);
            different += bits != bitnet::to_half(values[i]).bits;
            std::memcpy(&bits, &brain.at(name).bytes[2 * i], 2);
            different += bits != bitnet::to_bfloat16(values[i]).bits;
        }
        CHECK(different == 0);
    }
}

TEST_CASE("weights have standard deviation 0.02 and a few outliers, norms are 1") {
    const Weights weights = made({.seed = 1});
    for (const float value : floats(weights.at("model.norm.weight"))) CHECK(value == 1.0f);
    const std::vector<float> values = floats(weights.at("model.embed_tokens.weight"));  // 16,384 of them
    double squares = 0;
    std::ptrdiff_t outliers = 0;
    for (const float value : values) {
        squares += double(value) * value;
        outliers += std::abs(value) > 0.1f;  // five standard deviations
    }
    CHECK(std::sqrt(squares / double(values.size())) == doctest::Approx(0.0205).epsilon(0.03));
    CHECK(outliers >= 1);
    CHECK(outliers <= 8);
    const std::vector<float> bias = floats(made({.architecture = "qwen2"}).at("model.layers.0.self_attn.q_proj.bias"));
    CHECK(std::any_of(bias.begin(), bias.end(), [](float value) { return value != 0; }));
}

TEST_CASE("a tensor longer than one piece goes on where the piece before it ended") {
    const Weights weights = made({.vocab_size = 3000, .layers = 1});
    const std::vector<float> values = floats(weights.at("model.embed_tokens.weight"));
    const std::size_t piece = bitnet::detail::RandomTensor::piece;
    REQUIRE(values.size() > 2 * piece);
    CHECK(std::count(values.begin(), values.end(), 0.0f) < 3);
    CHECK_FALSE(std::equal(values.begin(), values.begin() + 1000, values.begin() + std::ptrdiff_t(piece)));
}

TEST_CASE("shards come with an index that names every tensor and their sum") {
    const TempDir dir;
    bitnet::write_random_model(dir.path(), {.dtype = bitnet::DType::F16, .shards = 3});
    const bitnet::Json index = bitnet::read_json_file(dir / "model.safetensors.index.json");
    std::size_t bytes = 0, tensors = 0;
    for (const char* name : {"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
                             "model-00003-of-00003.safetensors"})
        for (const auto& [tensor, stored] : read_weights(dir / name)) {
            CHECK(index.at("weight_map").at(tensor).as_string() == name);
            bytes += stored.bytes.size();
            ++tensors;
        }
    CHECK(index.at("weight_map").as_object().size() == tensors);
    CHECK(index.at("metadata").at("total_size").as_unsigned() == bytes);
    CHECK(index.at("metadata").at("total_parameters").as_unsigned() == bytes / 2);
    CHECK_FALSE(std::filesystem::exists(dir / "model.safetensors"));
}

TEST_CASE("extra keys stand in config.json and shape the model") {
    const Weights weights = made({.keys = {{"attention_bias", true}, {"num_hidden_layers", 1}}});
    CHECK(weights.contains("model.layers.0.self_attn.o_proj.bias"));
    CHECK_FALSE(weights.contains("model.layers.1.input_layernorm.weight"));
}

TEST_CASE("a random model that cannot be is refused before anything is written") {
    const TempDir dir;
    const auto refused = [&](const RandomModel& model) { bitnet::write_random_model(dir / "model", model); };
    CHECK_THROWS_WITH_AS(refused({.architecture = "generic"}),
                         "architecture \"generic\" is unknown; known: llama, mistral, qwen2, gpt2, bitnet, generic",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(refused({.dtype = bitnet::DType::I8}),
                         "a random model is written in F32, F16 or BF16, not I8", bitnet::error);
    CHECK_THROWS_WITH_AS(refused({.shards = 0}), "0 shards for 20 tensors", bitnet::error);
    CHECK_THROWS_WITH_AS(refused({.shards = 21}), "21 shards for 20 tensors", bitnet::error);
    CHECK_THROWS_WITH_AS(refused({.heads = 5}),
                         "config.json: num_attention_heads = 5 is not a multiple of num_key_value_heads = 2",
                         bitnet::error);
    CHECK_FALSE(std::filesystem::exists(dir / "model"));
    bitnet::write_random_model(dir / "model", {});
    CHECK_THROWS_AS(bitnet::write_random_model(dir / "model", {}), bitnet::error);
}
