#include <bitnet/nn/activation.hpp>

#include <doctest/doctest.h>

#include <support/gradient.hpp>

using bitnet::Activation;
using bitnet::activation_named;
using bitnet::Matrix;
using namespace bitnet_test;

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

TEST_CASE("both slopes of a gated activation are those of central differences") {
    Matrix<double> gate = normal_matrix(1, 30, 3), up = normal_matrix(1, 30, 4);
    const Matrix<double> dy = normal_matrix(1, 30, 5);
    const bitnet::Kernels& kernels = *bitnet::execution().kernels;
    for (const bitnet::ActivationName& row : bitnet::activation_names) {
        CAPTURE(row.name);
        Matrix<double> dgate(1, 30), slope = dy, work(1, 30);
        bitnet::activate_gated_backward<double>(row.activation, gate.row(0), up.row(0), slope.row(0), dgate.row(0), work.row(0), kernels);
        const auto loss = [&] {
            Matrix<double> y(1, 30);
            bitnet::activate_gated<double>(row.activation, gate.row(0), up.row(0), y.row(0), kernels);
            return dot(y, dy);
        };
        CHECK(gradient_error(gate, dgate, loss) < 1e-8);
        CHECK(gradient_error(up, slope, loss) < 1e-8);
    }
}

TEST_CASE("the slope of every activation is that of central differences") {
    Matrix<double> x = normal_matrix(1, 50, 1);
    const Matrix<double> dy = normal_matrix(1, 50, 2);
    for (const bitnet::ActivationName& row : bitnet::activation_names) {
        CAPTURE(row.name);
        Matrix<double> dx(1, 50);
        bitnet::activate_backward<double>(row.activation, x.row(0), dy.row(0), dx.row(0));
        CHECK(gradient_error(x, dx, [&] {
            Matrix<double> y = x;
            bitnet::activate<double>(row.activation, y.row(0), *bitnet::execution().kernels);
            return dot(y, dy);
        }) < 1e-8);
    }
}
