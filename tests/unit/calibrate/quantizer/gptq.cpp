#include <bitnet/calibrate/quantizer/gptq.hpp>

#include "../cases.hpp"

#include <doctest/doctest.h>

using namespace bitnet;

namespace {

/// The algorithm as its authors wrote it down: after each column the inverse of what is left of H, by elimination.
std::vector<std::int8_t> literally(std::vector<double> w, Matrix<double> inverse, float scale) {
    std::vector<std::int8_t> out;
    const std::size_t n = w.size();
    for (std::size_t j = 0; j < n; ++j) {
        std::array<std::int8_t, 1> code{};
        const double error = (w[j] - static_cast<double>(nearest_level<1>({scale}, static_cast<float>(w[j]), code))) / inverse(j, j);
        out.push_back(code[0]);
        for (std::size_t k = j + 1; k < n; ++k) w[k] -= error * inverse(j, k);
        const Matrix<double> old = inverse;
        for (std::size_t a = j + 1; a < n; ++a)
            for (std::size_t b = j + 1; b < n; ++b) inverse(a, b) = old(a, b) - old(a, j) * old(j, b) / old(j, j);
    }
    return out;
}

}  // namespace

TEST_CASE("codes are those of the literal algorithm, with columns in several blocks") {
    const std::size_t cols = 150;
    const InputMoments moments = bitnet_test::moments_of(bitnet_test::inputs(600, cols, 1));
    RowsInWork<1> rows(bitnet_test::normal_matrix(3, cols, 2), cols);
    quantizer::Gptq<>{}.quantize(rows, prepare(moments, 0.1, "layer"), *execution().kernels);
    Matrix<double> inverse(cols, cols);
    for (std::size_t i = 0; i < cols; ++i) inverse(i, i) = 1;
    solve_rows(damped_cholesky(moments, 0.1).lower, inverse);
    std::size_t others = 0;
    for (std::size_t r = 0; r < 3; ++r) {
        const std::span<const float> w = std::as_const(rows.w).row(r);
        const std::vector<std::int8_t> wanted = literally({w.begin(), w.end()}, inverse, rows.scales[0](r, 0));
        for (std::size_t c = 0; c < cols; ++c) others += rows.codes[0](r, c) != wanted[c];
    }
    CHECK(others <= 2);  // of 450: a value may lie on a threshold, and float is not double
}

TEST_CASE("error feedback leaves less error at the output than rounding alone") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(300, 96, 3)), 0.1, "layer");
    for (const std::size_t group : {96u, 32u}) {
        RowsInWork<1> rounded(bitnet_test::normal_matrix(8, 96, 4), group), fed = rounded;
        quantizer::quantize_rows(quantizer::LeastSquares{}, rounded, moments, *execution().kernels);
        quantizer::Gptq<>{}.quantize(fed, moments, *execution().kernels);
        CHECK(bitnet_test::error_of(fed, moments.metric) < 0.9 * bitnet_test::error_of(rounded, moments.metric));
    }
}

TEST_CASE("it is written with what is inside it, and read back") {
    const quantizer::Gptq<> gptq{.damping = 0.25f};
    CHECK(to_string(gptq) == "gptq{.damping=0.25, .inner=least_squares{}}");
    CHECK(from_string<quantizer::Gptq<>>(to_string(gptq)) == gptq);
    CHECK_THROWS_AS(from_string<quantizer::Gptq<>>("gptq{.damping=0}"), error);
}
