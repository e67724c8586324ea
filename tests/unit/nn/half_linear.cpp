#include <bitnet/nn/half_linear.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using bitnet::DType;
using bitnet::execution;
using bitnet::HalfLinear;
using bitnet::Linear;
using bitnet::Matrix;

namespace {

struct Twins {
    HalfLinear half;
    Linear<float> full;
};

/// The same numbers in 16 bits and in 32.
Twins twins(DType dtype, std::size_t out, std::size_t in) {
    std::mt19937 random(9);
    std::normal_distribution<float> value;
    Twins both{{{dtype, Matrix<std::uint16_t>(out, in)}, {}}, {Matrix<float>(out, in), {}}};
    for (std::size_t o = 0; o < out; ++o) {
        for (std::size_t c = 0; c < in; ++c) {
            const auto keep = [&](auto narrow) {
                both.half.weight.bits(o, c) = narrow.bits;
                both.full.weight(o, c) = to_float(narrow);
            };
            if (dtype == DType::F16) keep(bitnet::to_half(value(random)));
            else keep(bitnet::to_bfloat16(value(random)));
        }
        both.half.bias.push_back(static_cast<float>(o));
    }
    both.full.bias = both.half.bias;
    return both;
}

}  // namespace

TEST_CASE("a layer of 16-bit weights gives what its wide twin gives, for few tokens and many, on any threads") {
    for (const DType dtype : {DType::F16, DType::BF16}) {
        const Twins layer = twins(dtype, 70, 200);
        CHECK(layer.half.weight_bytes() * 2 == layer.full.weight_bytes());
        for (const std::size_t tokens : {1u, 2u, 4u, 5u, 40u}) {
            CAPTURE(tokens);
            std::mt19937 random(10);
            std::normal_distribution<float> value;
            Matrix<float> wide(tokens, 210);  // rows apart from each other
            for (std::size_t t = 0; t < tokens; ++t)
                for (float& number : wide.row(t)) number = value(random);
            const bitnet::MatrixView<const float> x = wide.view().col_range(5, 200);
            Matrix<float> y(tokens, 70), other(tokens, 70), expected(tokens, 70);
            layer.half.forward(x, y, {execution().kernels, 1});
            layer.half.forward(x, other, {execution().kernels, 3});
            layer.full.forward(x, expected, 1);
            CHECK(y.values() == other.values());
            for (std::size_t i = 0; i < y.values().size(); ++i)
                CHECK(std::fabs(y.values()[i] - expected.values()[i]) < 1e-4f);
        }
    }
}

TEST_CASE("a row of 16-bit weights is widened exactly") {
    const Twins layer = twins(DType::BF16, 3, 20);
    std::vector<float> row(20);
    layer.half.weight_row(2, row, execution());
    CHECK(std::equal(row.begin(), row.end(), layer.full.weight.row(2).begin()));
}
