#include <bitnet/calibrate/compress.hpp>

#include "cases.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>

using namespace bitnet;

namespace {

TensorView view_of(const Matrix<float>& w) { return {"w", DType::F32, Shape{w.rows(), w.cols()}, std::as_bytes(std::span(w.values()))}; }

Matrix<float> image_of(const TernaryTensor& tensor) {
    Matrix<float> out(tensor.rows(), tensor.cols());
    for (std::size_t r = 0; r < out.rows(); ++r) tensor.dequantize_row(r, out.row(r));
    return out;
}

}  // namespace

TEST_CASE("calibrated codes leave less error at the output than plain ones, in every granularity, for any threads") {
    const Matrix<float> w = bitnet_test::normal_matrix(150, 96, 1);
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(500, 96, 2)), 0.1, "layer");
    const auto check = [&](auto scales) {
        const Compressor calibrated{quantizer::CoordinateDescent<>{}, scales};
        const TernaryTensor one = compress(calibrated, view_of(w), moments, {execution().kernels, 1}).planes[0];
        CHECK(compress(calibrated, view_of(w), moments, {execution().kernels, 2}).planes[0] == one);
        const TernaryTensor plain = Compressor{quantizer::LeastSquares{}, scales}.compress(view_of(w));
        CHECK(one.scales.size() == plain.scales.size());
        CHECK(one.stored_bytes() == plain.stored_bytes());
        CHECK(output_error(w, image_of(one), moments, 1) < 0.6 * output_error(w, image_of(plain), moments, 1));
    };
    check(scale::PerChannel{});
    check(scale::PerGroup<32>{});
    check(scale::PerTensor{});
}

TEST_CASE("what is ternary already is given back, and zeros keep no scale") {
    Matrix<float> w(3, 20);
    for (std::size_t c = 0; c < 20; ++c) w(1, c) = c % 3 == 0 ? 0.5f : c % 3 == 1 ? 0.0f : -0.5f;
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(100, 20, 3)), 0.1, "layer");
    const TernaryTensor out = compress(Compressor{quantizer::CoordinateDescent<>{}, scale::PerChannel{}}, view_of(w), moments).planes[0];
    CHECK(image_of(out).values() == w.values());
    CHECK(out.scales == std::vector<float>{0, 0.5f, 0});
}

TEST_CASE("scales beyond FP16 are F32, and bad input says where") {
    Matrix<float> w = bitnet_test::normal_matrix(2, 8, 4);
    for (std::size_t c = 0; c < 8; ++c) w(1, c) *= 1e6f;
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(100, 8, 5)), 0.1, "layer");
    const Compressor compressor{quantizer::Gptq<>{}, scale::PerChannel{}};
    CHECK(compress(compressor, view_of(w), moments).planes[0].scale_type == DType::F32);
    w(1, 3) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(compress(compressor, view_of(w), moments), "w: nan at flat index 11 of shape (2, 8)", error);
    const PreparedMoments without = prepare(bitnet_test::moments_of(bitnet_test::inputs(100, 8, 5)), 0, "layer");
    CHECK_THROWS_WITH_AS(compress(compressor, view_of(w), without), "w: this quantizer feeds errors back, and the moments were prepared without damping", error);
    CHECK_THROWS_WITH_AS(compress(compressor, view_of(bitnet_test::normal_matrix(2, 9, 6)), moments), "w: 9 columns, and moments of 8 inputs", error);
}
