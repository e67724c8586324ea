#include <bitnet/train/parameter.hpp>

#include <doctest/doctest.h>

#include <cstring>

#include <bitnet/model/random_model.hpp>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

using namespace bitnet;

TEST_CASE("parameters have their outputs as rows, whatever their file has, and are found by name") {
    const bitnet_test::TempDir dir;
    write_random_model(dir / "model", {.architecture = "gpt2"});
    const ModelWeights weights(dir / "model");
    Parameters<double> parameters = read_parameters<double>(weights, execution());
    const std::size_t up = parameters.find("h.1.mlp.c_fc.weight");
    REQUIRE(up != Parameters<double>::none);
    CHECK(parameters[up].value.rows() == 192);
    CHECK(parameters[up].value.cols() == 64);
    const Matrix<float> stored = weights.dense("h.1.mlp.c_fc.weight", execution());
    CHECK(parameters[up].value(150, 3) == static_cast<double>(stored(3, 150)));
    CHECK(parameters.find("lm_head.weight") == Parameters<double>::none);  // tied
    std::size_t count = 0;
    for (const Parameter<double>& one : parameters) count += element_count(one.spec.shape);
    CHECK(parameters.count() == count);
}

TEST_CASE("a weight that is not finite is refused with its place") {
    const bitnet_test::TempDir dir;
    write_random_model(dir / "model", {});
    bitnet_test::edit_weights(dir / "model/model.safetensors", [](bitnet_test::Weights& weights) {
        const std::uint32_t infinity = 0x7f800000;
        std::memcpy(&weights.at("model.norm.weight").bytes[4 * 5], &infinity, 4);
    });
    CHECK_THROWS_WITH_AS(read_parameters<float>(ModelWeights(dir / "model"), execution()),
                         ((dir / "model").string() + ": tensor \"model.norm.weight\": the weight at index 5 is not finite").c_str(), bitnet::error);
}

TEST_CASE("gradients come into being as zeros and become zeros again") {
    const ModelConfig config = parse_model_config(random_model_config({}), "config.json");
    Parameters<float> parameters(config, true);
    CHECK(parameters[0].gradients().empty());
    parameters.zero_gradients();
    REQUIRE(parameters[0].gradients().size() == parameters[0].values().size());
    parameters[0].gradients()[1] = 3;
    parameters.zero_gradients();
    CHECK(parameters[0].gradients()[1] == 0);
}
