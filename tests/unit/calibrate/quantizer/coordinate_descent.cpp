#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>

#include "../cases.hpp"

#include <doctest/doctest.h>

using namespace bitnet;
using bitnet_test::error_of;

TEST_CASE("more passes never leave more error, and many leave a place where no code alone can be bettered") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(400, 150, 1)), 0.1, "layer");
    for (const std::size_t group : {150u, 64u}) {
        const RowsInWork<1> fresh(bitnet_test::normal_matrix(4, 150, 2), group);
        RowsInWork<1> fed = fresh;
        quantizer::Gptq<>{}.quantize(fed, moments, *execution().kernels);
        double last = error_of(fed, moments.metric);
        for (const std::uint64_t passes : {1u, 2u, 3u, 5u, 50u}) {
            RowsInWork<1> rows = fresh;
            quantizer::CoordinateDescent<>{.passes = passes}.quantize(rows, moments, *execution().kernels);
            const double error = error_of(rows, moments.metric);
            CHECK(error <= last * (1 + 1e-5));
            last = error;
            if (passes < 50) continue;
            for (std::size_t c = 0; c < 150; c += 7)
                for (const std::int8_t code : {std::int8_t{-1}, std::int8_t{0}, std::int8_t{1}}) {
                    RowsInWork<1> moved = rows;
                    moved.codes[0](2, c) = code;
                    CHECK(error_of(moved, moments.metric) >= error * (1 - 1e-5));
                }
        }
    }
}

TEST_CASE("what is ternary already stays as it is") {
    RowsInWork<1> rows(Matrix<float>(3, 40), 16);
    Random random(4);
    for (float& w : std::span(rows.w.data(), 120)) w = 0.25f * static_cast<float>(static_cast<int>(random.below(3)) - 1);
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(100, 40, 5)), 0.1, "layer");
    quantizer::CoordinateDescent<>{}.quantize(rows, moments, *execution().kernels);
    std::vector<float> image(40);
    for (std::size_t r = 0; r < 3; ++r) {
        rows.image(r, image);
        for (std::size_t c = 0; c < 40; ++c) CHECK(image[c] == doctest::Approx(rows.w(r, c)).epsilon(1e-6));
    }
}

TEST_CASE("it takes any quantizer to begin with, and prints it") {
    using Plain = quantizer::CoordinateDescent<quantizer::LeastSquares>;
    CHECK(to_string(Plain{}) == "coordinate_descent{.passes=20, .inner=least_squares{}}");
    CHECK(to_string(quantizer::CoordinateDescent<>{}) == "coordinate_descent{.passes=20, .inner=gptq{.damping=0.1, .inner=least_squares{}}}");
    CHECK(Plain{}.feedback_damping() == 0);
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(100, 30, 6)), 0, "layer");
    RowsInWork<1> rounded(bitnet_test::normal_matrix(3, 30, 7), 30), rows = rounded;
    quantizer::quantize_rows(quantizer::LeastSquares{}, rounded, moments, *execution().kernels);
    Plain{}.quantize(rows, moments, *execution().kernels);
    CHECK(error_of(rows, moments.metric) < error_of(rounded, moments.metric));
}
