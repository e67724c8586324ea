#include <bitnet/model/model_config.hpp>

#include <doctest/doctest.h>

#include <optional>

TEST_CASE("a layer has the window of its model, unless the model says which layers slide") {
    bitnet::ModelConfig config;
    CHECK(config.window(0) == std::nullopt);
    config.sliding_window = 4096;
    CHECK(config.window(0) == 4096);
    config.sliding_layers = {false, true};
    CHECK(config.window(0) == std::nullopt);
    CHECK(config.window(1) == 4096);
}
