#include <bitnet/train/bit_linear.hpp>

#include <bitnet/compress.hpp>
#include <bitnet/core/rng.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace bitnet;

namespace {

Matrix<float> normal_numbers(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    Random random(seed);
    Matrix<float> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (float& value : out.row(r)) value = random.normal();
    return out;
}

Linear<float> dense_layer() { return {normal_numbers(3, 8, 1), {0.5f, -1, 2}}; }

}  // namespace

TEST_CASE("a BitLinear multiplies inputs rounded to 8 bits with the ternary image of its weights") {
    const Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}};
    BitLinear layer("up", dense_layer(), compressor);
    CHECK(layer.name() == "up");
    Matrix<float> x = normal_numbers(5, 8, 2), y(5, 3);
    layer.forward(x, y);
    const TernaryPlanes packed = layer.packed();
    const Matrix<float> weight = dense_layer().weight;
    CHECK(packed == TernaryPlanes(compressor.compress(TensorView{"up", DType::F32, {3, 8}, std::as_bytes(std::span(weight.values()))})));
    round_activations(x.view(), 1.0f);
    std::vector<float> row(8);
    for (std::size_t o = 0; o < 3; ++o) {
        packed.dequantize_row(o, row);
        for (std::size_t t = 0; t < 5; ++t) {
            float sum = dense_layer().bias[o];
            for (std::size_t c = 0; c < 8; ++c) sum += x(t, c) * row[c];
            CHECK(y(t, o) == doctest::Approx(sum).epsilon(1e-5));
        }
    }
    layer.share = 0;  // no rounding at all
    layer.forward(x, y);
    float sum = dense_layer().bias[1];
    for (std::size_t c = 0; c < 8; ++c) sum += x(2, c) * weight(1, c);
    CHECK(y(2, 1) == doctest::Approx(sum).epsilon(1e-5));
}

TEST_CASE("gradients pass both roundings, the estimator's slope excepted, and are added up") {
    BitLinear layer("up", dense_layer(), Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}, ste::Clipped{.reach = 1}});
    Matrix<float> x = normal_numbers(5, 8, 2), y(5, 3), dx(5, 8);
    const Matrix<float> dy = normal_numbers(5, 3, 3);
    layer.forward(x, y);
    layer.backward(dy, dx);
    const TernaryPlanes packed = layer.packed();
    round_activations(x.view(), 1.0f);
    std::size_t stopped = 0;
    for (std::size_t o = 0; o < 3; ++o) {
        float bias = 0;
        for (std::size_t t = 0; t < 5; ++t) bias += dy(t, o);
        CHECK(layer.bias_gradient()[o] == doctest::Approx(bias).epsilon(1e-5));
        for (std::size_t c = 0; c < 8; ++c) {
            float sum = 0;
            for (std::size_t t = 0; t < 5; ++t) sum += dy(t, o) * x(t, c);
            const bool passes = std::fabs(layer.weight().latent()(o, c)) <= packed.planes[0].scale(o, c);
            stopped += !passes;
            CHECK(layer.weight_gradient()[o * 8 + c] == doctest::Approx(passes ? sum : 0).epsilon(1e-5));
        }
    }
    CHECK(stopped > 0);
    CHECK(stopped < 24);
    std::vector<float> row(8);
    float sum = 0;
    for (std::size_t o = 0; o < 3; ++o) packed.dequantize_row(o, row), sum += dy(4, o) * row[6];
    CHECK(dx(4, 6) == doctest::Approx(sum).epsilon(1e-5));

    const std::vector<float> once(layer.weight_gradient().begin(), layer.weight_gradient().end());
    layer.backward(dy, dx);
    for (std::size_t i = 0; i < once.size(); ++i) CHECK(layer.weight_gradient()[i] == doctest::Approx(2 * once[i]));
    layer.zero_gradients();
    for (const float value : layer.weight_gradient()) CHECK(value == 0);
    for (const float value : layer.bias_gradient()) CHECK(value == 0);
}

TEST_CASE("steps along a BitLinear's gradients teach it what a ternary layer does") {
    const Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}};
    const Matrix<float> x = normal_numbers(64, 8, 4);
    Matrix<float> wanted(64, 3), y(64, 3), dx(64, 8);
    BitLinear teacher("teacher", Linear<float>{normal_numbers(3, 8, 5), {}}, compressor), layer("pupil", Linear<float>{normal_numbers(3, 8, 6), {}}, compressor);
    teacher.forward(x, wanted);
    const auto error_of_layer = [&] {
        layer.forward(x, y);
        double sum = 0;
        for (std::size_t i = 0; i < y.values().size(); ++i) {
            y.data()[i] -= wanted.values()[i];
            sum += static_cast<double>(y.values()[i] * y.values()[i]);
        }
        return sum;
    };
    const double before = error_of_layer();
    for (int step = 0; step < 200; ++step) {
        error_of_layer();
        layer.zero_gradients();
        layer.backward(y, dx);
        const std::span<const float> gradient = layer.weight_gradient();
        for (std::size_t i = 0; i < gradient.size(); ++i) layer.weight().latent().data()[i] -= 0.002f * gradient[i];
    }
    CHECK(error_of_layer() < 0.1 * before);
    CHECK(layer.bias_gradient().empty());
}

TEST_CASE("a layer that cannot be one is refused by its name") {
    Linear<float> broken = dense_layer();
    broken.weight(1, 2) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(BitLinear("up", broken, Compressor{}), "up: inf at flat index 10 of shape (3, 8)", error);
    Linear<float> short_bias = dense_layer();
    short_bias.bias.pop_back();
    CHECK_THROWS_WITH_AS(BitLinear("up", short_bias, Compressor{}), "up: a bias of 2 numbers for 3 outputs", error);
}
