#include <bitnet/core/role.hpp>

#include <doctest/doctest.h>

using bitnet::TensorRole;

TEST_CASE("roles of tensors print as their names") {
    CHECK(bitnet::to_string(TensorRole::token_embedding) == "token_embedding");
    CHECK(bitnet::to_string(TensorRole::position_embedding) == "position_embedding");
    CHECK(bitnet::to_string(TensorRole::norm) == "norm");
    CHECK(bitnet::to_string(TensorRole::attention) == "attention");
    CHECK(bitnet::to_string(TensorRole::feed_forward) == "feed_forward");
    CHECK(bitnet::to_string(TensorRole::convolution) == "convolution");
    CHECK(bitnet::to_string(TensorRole::lm_head) == "lm_head");
    CHECK(bitnet::to_string(TensorRole::bias) == "bias");
    CHECK(bitnet::to_string(TensorRole::unknown) == "unknown");
    CHECK(bitnet::to_string(static_cast<TensorRole>(99)) == "unknown");
}
