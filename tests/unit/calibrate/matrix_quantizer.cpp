#include <bitnet/calibrate/matrix_quantizer.hpp>

#include "cases.hpp"

#include <doctest/doctest.h>

#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>

using namespace bitnet;

TEST_CASE("without its type a compressor makes the same planes, and knows what plain rounding in as many would be") {
    const Matrix<float> w = bitnet_test::normal_matrix(20, 48, 1);
    const TensorView view{"w", DType::F32, Shape{20, 48}, std::as_bytes(std::span(w.values()))};
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(300, 48, 2)), 0.1, "layer");
    const Compressor one{quantizer::CoordinateDescent<>{}};
    const Compressor two{quantizer::CoordinateDescent<quantizer::Gptq<quantizer::TritPlanes<2>>>{}};
    CHECK(matrix_quantizer(one).compress(view, moments, execution()) == compress(one, view, moments));
    CHECK(matrix_quantizer(two).compress(view, moments, execution()).planes.size() == 2);
    CHECK(matrix_quantizer(two).plain(view, execution()).planes.size() == 2);
    CHECK(matrix_quantizer(one).plain(view, execution()) == TernaryPlanes(Compressor{}.compress(view)));
    CHECK(matrix_quantizer(one).feedback_damping == static_cast<double>(0.1f));
}
