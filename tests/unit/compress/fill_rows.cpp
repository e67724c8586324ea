#include <bitnet/compress/fill_rows.hpp>

#include <doctest/doctest.h>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/quantizer/trit_planes.hpp>
#include <bitnet/policy/scale/per_group.hpp>

#include "support/normal_matrix.hpp"

using namespace bitnet;

TEST_CASE("rows begin as Compressor would leave them, scales before their rounding") {
    const Matrix<float> w = bitnet_test::normal_matrix(5, 40, 1);
    const TensorView view{"w", DType::F32, Shape{5, 40}, std::as_bytes(std::span(w.values()))};
    const auto check = [&](const auto& quantizer) {
        RowsInWork<1> rows(w, 16);
        quantizer::fill_rows(quantizer, rows, *execution().kernels);
        const TernaryTensor wanted = Compressor{quantizer, scale::PerGroup<16>{.storage = DType::F32}}.compress(view);
        std::vector<std::int8_t> codes(40);
        for (std::size_t r = 0; r < 5; ++r) {
            wanted.codes_of_row(r, codes);
            for (std::size_t c = 0; c < 40; ++c) CHECK(rows.codes[0](r, c) == codes[c]);
            for (std::size_t g = 0; g < 3; ++g) CHECK(rows.scales[0](r, g) == doctest::Approx(wanted.scale(r, g * 16)).epsilon(1e-6));
        }
    };
    check(quantizer::LeastSquares{});
    check(quantizer::RoundClip{});
    check(quantizer::AbsMean{});
}

TEST_CASE("rows of one scale begin as one region") {
    RowsInWork<1> rows(bitnet_test::normal_matrix(3, 8, 2), 8, true);
    quantizer::fill_rows(quantizer::LeastSquares{}, rows, *execution().kernels);
    std::vector<float> scratch(24);
    const Grid grid = quantizer::LeastSquares{}.fit(rows.w.values(), *execution().kernels, scratch);
    for (std::size_t r = 0; r < 3; ++r) CHECK(rows.scales[0](r, 0) == grid.alpha);
}

TEST_CASE("planes are filled region by region as their quantizer says, or all rows as one region") {
    const Matrix<float> w = bitnet_test::normal_matrix(3, 24, 3);
    const quantizer::TritPlanes<2> two{};
    RowsInWork<2> rows(w, 8), whole(w, 24, true);
    quantizer::fill_rows(two, rows, *execution().kernels);
    quantizer::fill_rows(two, whole, *execution().kernels);
    std::vector<std::int8_t> first(8), second(8);
    const std::array<float, 2> scales = two.fit_planes(w.row(2).subspan(8, 8), {first, second}, *execution().kernels);
    CHECK(rows.levels_of(2, 1) == Levels<2>{scales});
    for (std::size_t c = 0; c < 8; ++c) {
        CHECK(rows.codes[0](2, 8 + c) == first[c]);
        CHECK(rows.codes[1](2, 8 + c) == second[c]);
    }
    CHECK(whole.levels_of(0, 0) == whole.levels_of(2, 0));
}
