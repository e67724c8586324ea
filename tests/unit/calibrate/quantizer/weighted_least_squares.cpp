#include <bitnet/calibrate/quantizer/weighted_least_squares.hpp>

#include "../cases.hpp"

#include <doctest/doctest.h>

#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>

using namespace bitnet;
using quantizer::WeightedLeastSquares;

namespace {

PreparedMoments diagonal(const std::vector<float>& h) {
    PreparedMoments out{.metric = Matrix<float>(h.size(), h.size())};
    for (std::size_t c = 0; c < h.size(); ++c) out.metric(c, c) = h[c];
    return out;
}

}  // namespace

TEST_CASE("of all codes of seven weights none has less weighted error than those that are found") {
    Random random(1);
    for (int trial = 0; trial < 50; ++trial) {
        std::vector<float> h(7);
        for (float& x : h) x = random.normal() * random.normal() + 1.1f;
        for (float& x : h) x = std::abs(x);
        RowsInWork<1> rows(bitnet_test::normal_matrix(1, 7, static_cast<std::uint64_t>(trial)), 7);
        WeightedLeastSquares{}.quantize(rows, diagonal(h), *execution().kernels);
        const auto error_of = [&](auto code, double scale) {
            double sum = 0;
            for (std::size_t c = 0; c < 7; ++c) {
                const double off = static_cast<double>(rows.w(0, c)) - scale * code(c);
                sum += static_cast<double>(h[c]) * off * off;
            }
            return sum;
        };
        const double found = error_of([&](std::size_t c) { return double{static_cast<double>(rows.codes[0](0, c))}; }, static_cast<double>(rows.scales[0](0, 0)));
        double least = 1e30;
        for (int all = 0; all < 2187; ++all) {
            std::array<double, 7> code{};
            for (int c = 0, rest = all; c < 7; ++c, rest /= 3) code[static_cast<std::size_t>(c)] = rest % 3 - 1;
            double product = 0, weight = 0;
            for (std::size_t c = 0; c < 7; ++c) {
                product += static_cast<double>(h[c] * rows.w(0, c)) * code[c];
                weight += static_cast<double>(h[c]) * code[c] * code[c];
            }
            least = std::min(least, error_of([&](std::size_t c) { return code[c]; }, weight > 0 ? std::max(0.0, product / weight) : 0));
        }
        CHECK(found == doctest::Approx(least).epsilon(1e-5));
    }
}

TEST_CASE("with equal inputs it is plain least squares, in rows, groups and as a whole, and others begin with it") {
    const Matrix<float> w = bitnet_test::normal_matrix(3, 24, 2);
    for (const auto& [group, shared] : {std::pair{std::size_t{24}, false}, {std::size_t{8}, false}, {std::size_t{24}, true}}) {
        RowsInWork<1> rows(w, group, shared), plain(w, group, shared);
        WeightedLeastSquares{}.quantize(rows, diagonal(std::vector<float>(24, 0.5f)), *execution().kernels);
        quantizer::fill_rows(quantizer::LeastSquares{}, plain, *execution().kernels);
        CHECK(rows.codes[0].values() == plain.codes[0].values());
        for (std::size_t i = 0; i < plain.scales[0].values().size(); ++i)
            CHECK(rows.scales[0].values()[i] == doctest::Approx(plain.scales[0].values()[i]).epsilon(1e-6));
    }
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(300, 24, 3)), 0.1, "layer");
    RowsInWork<1> weighted(w, 24), plain(w, 24), after(w, 24);
    WeightedLeastSquares{}.quantize(weighted, moments, *execution().kernels);
    quantizer::fill_rows(quantizer::LeastSquares{}, plain, *execution().kernels);
    quantizer::CoordinateDescent<quantizer::Gptq<WeightedLeastSquares>>{}.quantize(after, moments, *execution().kernels);
    CHECK(bitnet_test::error_of(after, moments.metric) < bitnet_test::error_of(weighted, moments.metric));
    CHECK(bitnet_test::error_of(weighted, moments.metric) < bitnet_test::error_of(plain, moments.metric));
}

TEST_CASE("zeros have no scale, and inputs that are always 0 do no harm") {
    RowsInWork<1> rows(Matrix<float>(2, 6), 6);
    rows.w(1, 2) = 3;
    WeightedLeastSquares{}.quantize(rows, diagonal({1, 1, 0, 0, 1, 1}), *execution().kernels);
    CHECK(rows.scales[0](0, 0) == 0);
    CHECK(std::isfinite(rows.scales[0](1, 0)));
}
