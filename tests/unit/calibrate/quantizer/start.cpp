#include <bitnet/calibrate/quantizer/start.hpp>

#include "../cases.hpp"

#include <doctest/doctest.h>

#include <bitnet/compress/compressor.hpp>

using namespace bitnet;

TEST_CASE("a quantizer that needs no moments fills rows as it does without") {
    const Matrix<float> w = bitnet_test::normal_matrix(5, 40, 1);
    RowsInWork<1> rows(w, 16), wanted(w, 16);
    quantizer::quantize_rows(quantizer::LeastSquares{}, rows, PreparedMoments{}, *execution().kernels);
    quantizer::fill_rows(quantizer::LeastSquares{}, wanted, *execution().kernels);
    CHECK(rows.codes[0].values() == wanted.codes[0].values());
    CHECK(rows.scales[0].values() == wanted.scales[0].values());
}

TEST_CASE("planes and damping are those of the innermost quantizer that has any") {
    CHECK(quantizer::planes_of<quantizer::LeastSquares> == 1);
    CHECK(quantizer::feedback_damping_of(quantizer::LeastSquares{}) == 0);
}
