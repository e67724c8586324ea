#include <bitnet/train/save.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include <bitnet/model/random_model.hpp>
#include <bitnet/train/initial.hpp>

#include <support/temp_dir.hpp>

using namespace bitnet;

TEST_CASE("a saved model reads back as it was, for every architecture, and keeps what its configuration said") {
    for (const std::string architecture : {"llama", "qwen2", "gpt2", "bitnet"}) {
        CAPTURE(architecture);
        const bitnet_test::TempDir dir;
        write_random_model(dir / "model", {.architecture = architecture, .tied = architecture == "gpt2", .keys = {{"my_key", 7}}});
        const ModelWeights weights(dir / "model");
        const Parameters<float> parameters = read_parameters<float>(weights, execution());
        std::filesystem::create_directory(dir / "saved");
        const std::vector<std::byte> bytes{std::byte{1}, std::byte{2}};
        const TensorView beside{"my.notes", DType::U8, {2}, bytes};
        write_model(dir / "saved", weights.config().json, weights.tied_head(), parameters, DType::F32, {&beside, 1});
        const ModelWeights saved(dir / "saved");
        REQUIRE(saved.unknown().size() == 1);
        CHECK(saved.unknown()[0].bytes[1] == bytes[1]);
        CHECK(saved.tied_head() == weights.tied_head());
        CHECK(saved.config().json.at("my_key").as_unsigned() == 7);
        const Parameters<float> again = read_parameters<float>(saved, execution());
        REQUIRE(again.size() == parameters.size());
        for (std::size_t i = 0; i < again.size(); ++i) {
            CHECK(again[i].spec.name == parameters[i].spec.name);
            CHECK(again[i].value.values() == parameters[i].value.values());
        }
    }
}

TEST_CASE("values that the type cannot hold are refused by the tensor's name") {
    const bitnet_test::TempDir dir;
    write_random_model(dir / "model", {});
    const ModelWeights weights(dir / "model");
    Parameters<float> parameters = read_parameters<float>(weights, execution());
    parameters[1].values()[0] = 1e6f;
    CHECK_THROWS_WITH_AS(write_model(dir.path(), weights.config().json, true, parameters, DType::F16),
                         doctest::Contains("tensor \"model.layers.0.input_layernorm.weight\" holds values that F16 cannot"), bitnet::error);
}
