#include <bitnet/gate/gradient_flow.hpp>

#include <doctest/doctest.h>

#include <bit>

#include <bitnet/model/random_model.hpp>

#include <support/temp_dir.hpp>

using namespace bitnet;

namespace {

struct Model {
    bitnet_test::TempDir dir{};
    ModelWeights weights;
    Parameters<float> parameters;
    explicit Model(const RandomModel& model)
        : weights((write_random_model(dir / "model", model), dir / "model")), parameters(read_parameters<float>(weights, execution())) {}
};

RandomModel small_model(std::string architecture) {
    return {.architecture = std::move(architecture), .vocab_size = 40, .hidden_size = 24, .intermediate_size = 36, .layers = 2, .max_positions = 32};
}

}  // namespace

TEST_CASE("gradients flow through every tensor of every architecture, and are what differences are") {
    for (const std::string architecture : {"llama", "mistral", "qwen2", "gpt2", "bitnet"}) {
        CAPTURE(architecture);
        const Model model(small_model(architecture));
        const GradientFlow flow = gradient_flow(model.weights.config(), model.parameters, {}, 2);
        CHECK(flow.error() == "");
        CHECK(flow.passed());
        CHECK(flow.tensors.size() == model.parameters.size());
        CHECK(flow.loss == doctest::Approx(std::log(40.0)).epsilon(0.05));
        const Json json = to_json(flow);
        CHECK(json.at("passed").as_bool());
        CHECK(json.at("tensors").as_array().size() == flow.tensors.size());
    }
}

TEST_CASE("a tensor that gets no gradient, or one that is not finite, is named") {
    Model model(small_model("llama"));
    const std::size_t up = model.parameters.find("model.layers.1.mlp.up_proj.weight"), down = model.parameters.find("model.layers.1.mlp.down_proj.weight");
    for (float& value : model.parameters[down].values()) value = 0;
    const GradientFlow stopped = gradient_flow(model.weights.config(), model.parameters, {}, 1);
    CHECK_FALSE(stopped.passed());
    CHECK(stopped.error() == "tensor \"model.layers.1.post_attention_layernorm.weight\": its gradient is zero");
    CHECK(to_json(stopped).at("tensors").as_array()[up].at("fault").as_string() == "its gradient is zero");
    model.parameters[down].values()[0] = std::bit_cast<float>(0x7f800000u);
    CHECK(gradient_flow(model.weights.config(), model.parameters, {}, 1).error().find("is not finite") != std::string::npos);
    CHECK_THROWS_AS(gradient_flow(model.weights.config(), model.parameters, {.tokens = 1}, 1), bitnet::error);
}

TEST_CASE("a difference that is too large is told") {
    const Model model(small_model("llama"));
    const GradientFlow flow = gradient_flow(model.weights.config(), model.parameters, {.step = 3}, 1);
    CHECK(flow.error().find("central differences are") != std::string::npos);
}
