#include <bitnet/train/initial.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <bitnet/model/random_model.hpp>

using namespace bitnet;

TEST_CASE("random weights have the deviations of their places, norms are one and biases nothing") {
    for (const std::string architecture : {"llama", "gpt2"}) {
        RandomModel model{.architecture = architecture, .hidden_size = 128, .layers = 2};
        model.keys = {{"attention_bias", true}};
        const ModelConfig config = parse_model_config(random_model_config(model), "config.json");
        const Parameters<float> made = initial_parameters(config, true, 3);
        for (const Parameter<float>& one : made) {
            CAPTURE(one.spec.name);
            double sum = 0, squares = 0;
            for (const float value : one.value.values()) {
                sum += static_cast<double>(value);
                squares += static_cast<double>(value) * static_cast<double>(value);
            }
            const double count = static_cast<double>(one.value.values().size()), root = std::sqrt(squares / count);
            const std::string& name = one.spec.name;
            if (name.ends_with(".bias"))
                CHECK(squares == 0);
            else if (one.spec.role == TensorRole::norm)
                CHECK(sum == count);
            else if (name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight") || name.ends_with("c_proj.weight"))
                CHECK(root == doctest::Approx(0.01).epsilon(0.05));
            else
                CHECK(root == doctest::Approx(0.02).epsilon(0.05));
        }
        const Parameters<float> same = initial_parameters(config, true, 3), other = initial_parameters(config, true, 4);
        CHECK(same[0].value.values() == made[0].value.values());
        CHECK(other[0].value.values() != made[0].value.values());
    }
}
