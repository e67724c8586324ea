#include <bitnet/nn/activation.hpp>

#include <doctest/doctest.h>

using bitnet::Activation;
using bitnet::activation_named;

static_assert(activation_named("silu") == Activation::silu);

TEST_CASE("activations are known by every name that configurations use") {
    CHECK(activation_named("swish") == Activation::silu);
    CHECK(activation_named("gelu_new") == Activation::gelu_tanh);
    CHECK(activation_named("gelu_pytorch_tanh") == Activation::gelu_tanh);
    CHECK(activation_named("gelu") == Activation::gelu);
    CHECK(activation_named("relu") == Activation::relu);
    CHECK(activation_named("relu2") == Activation::relu2);
    CHECK_FALSE(activation_named("SiLU").has_value());
    CHECK_FALSE(activation_named("").has_value());
}
