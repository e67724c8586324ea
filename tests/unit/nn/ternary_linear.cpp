#include <bitnet/nn/ternary_linear.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include <bitnet/compress.hpp>

using bitnet::ActivationPrecision;
using bitnet::execution;
using bitnet::Matrix;
using bitnet::TernaryLinear;

namespace {

Matrix<float> normal(std::size_t rows, std::size_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    Matrix<float> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (float& x : out.row(r)) x = value(random);
    return out;
}

TernaryLinear layer_of(std::size_t out, std::size_t in, ActivationPrecision activations, std::size_t planes = 1, bool rotated = false, std::size_t offsets = 0) {
    const Matrix<float> weight = normal(out, in, 5);
    const bitnet::TensorView view{"w", bitnet::DType::F32, {out, in}, std::as_bytes(std::span(weight.values()))};
    std::vector<float> bias(out);
    for (std::size_t o = 0; o < out; ++o) bias[o] = static_cast<float>(o) / 8;
    bitnet::TernaryPlanes made(bitnet::Compressor{bitnet::scale::PerGroup<64>{}}.compress(view, execution()));
    if (planes == 2) made.planes.push_back(bitnet::Compressor{bitnet::scale::PerGroup<64>{.storage = bitnet::DType::F32}}.compress(view, execution()));
    if (rotated) made.rotation = {8, 3};
    for (std::size_t i = 0; i < offsets; ++i) made.offsets.push_back(static_cast<float>(i % 7) / 8 - 0.25f);
    if (offsets == 1) made.planes[0] = bitnet::Compressor{bitnet::scale::PerTensor{}}.compress(view, execution());
    return {made, bias, activations};
}

/// The same product from dequantized weights, in double.
double largest_difference(const TernaryLinear& layer, const Matrix<float>& x, const Matrix<float>& y) {
    double worst = 0;
    std::vector<float> row(layer.inputs());
    for (std::size_t o = 0; o < layer.outputs(); ++o) {
        layer.weight.dequantize_row(o, row, execution());
        for (std::size_t t = 0; t < x.rows(); ++t) {
            double sum = static_cast<double>(layer.bias[o]);
            for (std::size_t c = 0; c < x.cols(); ++c) sum += static_cast<double>(x(t, c)) * static_cast<double>(row[c]);
            worst = std::max(worst, std::fabs(sum - static_cast<double>(y(t, o))));
        }
    }
    return worst;
}

}  // namespace

TEST_CASE("products of packed weights are those of their dequantized twin, few tokens or many, on any threads") {
    const TernaryLinear layer = layer_of(70, 200, ActivationPrecision::fp32);
    for (const std::size_t tokens : {1u, 3u, 4u, 5u, 40u}) {
        CAPTURE(tokens);
        const Matrix<float> x = normal(tokens, 200, 6);
        Matrix<float> y(tokens, 70), other(tokens, 70);
        layer.forward(x, y, {execution().kernels, 1});
        layer.forward(x, other, {execution().kernels, 3});
        CHECK(y.values() == other.values());
        CHECK(largest_difference(layer, x, y) < 1e-4);  // 200 additions of magnitude 1 in float
    }
}

TEST_CASE("8-bit activations are the product of inputs rounded token by token") {
    const TernaryLinear layer = layer_of(70, 200, ActivationPrecision::int8);
    for (const std::size_t tokens : {1u, 7u}) {
        Matrix<float> x = normal(tokens, 200, 7);
        Matrix<float> y(tokens, 70);
        layer.forward(x, y, execution());
        for (std::size_t t = 0; t < tokens; ++t) {  // what the layer sees: clamp(round(x·127/max|x|)) at the old scale
            float largest = 0;
            for (const float value : x.row(t)) largest = std::max(largest, std::fabs(value));
            for (float& value : x.row(t)) value = std::nearbyint(value * (127.0f / largest)) / (127.0f / largest);
        }
        CHECK(largest_difference(layer, x, y) < 1e-3);  // a tie may round the other way in one of 200
    }
}

TEST_CASE("inputs and outputs may be columns of larger matrices") {
    for (const ActivationPrecision activations : {ActivationPrecision::fp32, ActivationPrecision::int8}) {
        const TernaryLinear layer = layer_of(10, 64, activations);
        const Matrix<float> x = normal(3, 80, 8);
        Matrix<float> narrow_x(3, 64), y(3, 30), expected(3, 10);
        for (std::size_t t = 0; t < 3; ++t)
            for (std::size_t c = 0; c < 64; ++c) narrow_x(t, c) = x(t, c + 5);
        layer.forward(x.view().col_range(5, 64), y.view().col_range(20, 10), execution());
        layer.forward(narrow_x, expected, execution());
        for (std::size_t t = 0; t < 3; ++t)
            for (std::size_t o = 0; o < 10; ++o) CHECK(y(t, 20 + o) == expected(t, o));
        CHECK(y(0, 19) == 0);
        CHECK(y(2, 0) == 0);
    }
}

TEST_CASE("several planes add up, and rotated ones get rotated inputs") {
    for (const ActivationPrecision activations : {ActivationPrecision::fp32, ActivationPrecision::int8})
        for (const bool rotated : {false, true})
            for (const std::size_t tokens : {1u, 3u, 40u}) {
                const TernaryLinear layer = layer_of(70, 192, activations, 2, rotated);
                CHECK(layer.weight_bytes() == 2 * layer_of(70, 192, activations).weight_bytes());
                const Matrix<float> x = normal(tokens, 192, 9);
                Matrix<float> y(tokens, 70), other(tokens, 70);
                layer.forward(x, y, {execution().kernels, 1});
                layer.forward(x, other, {execution().kernels, 3});
                CHECK(y.values() == other.values());
                // Inputs up to 3 in eight bits are off by up to 0.012; 192 of them, times weights of about 2, by some 0.2.
                CHECK(largest_difference(layer, x, y) < (activations == ActivationPrecision::fp32 ? 2e-4 : 1.2));
            }
}

TEST_CASE("offsets, of groups or of the whole, add what sums of inputs make of them") {
    for (const ActivationPrecision activations : {ActivationPrecision::fp32, ActivationPrecision::int8})
        for (const std::size_t offsets : {std::size_t{70 * 4}, std::size_t{1}})
            for (const std::size_t tokens : {1u, 3u, 40u}) {
                const TernaryLinear layer = layer_of(70, 200, activations, 1, offsets != 1, offsets);
                if (offsets != 1) CHECK(layer.weight_bytes() == layer_of(70, 200, activations).weight_bytes() + offsets * 4);
                const Matrix<float> x = normal(tokens, 210, 9);
                Matrix<float> y(tokens, 90), other(tokens, 70), narrow(tokens, 200);
                for (std::size_t t = 0; t < tokens; ++t) std::ranges::copy(x.row(t).subspan(5, 200), narrow.row(t).begin());
                layer.forward(x.view().col_range(5, 200), y.view().col_range(10, 70), {execution().kernels, 1});
                layer.forward(narrow, other, {execution().kernels, 3});
                for (std::size_t t = 0; t < tokens; ++t)
                    for (std::size_t o = 0; o < 70; ++o) CHECK(y(t, 10 + o) == other(t, o));
                CHECK(largest_difference(layer, narrow, other) < (activations == ActivationPrecision::fp32 ? 2e-4 : 1.2));
            }
}
