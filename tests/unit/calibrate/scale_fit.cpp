#include <bitnet/calibrate/scale_fit.hpp>

#include "cases.hpp"

#include <doctest/doctest.h>

using namespace bitnet;
using bitnet_test::error_of;

namespace {

/// Rows with random codes in all planes, and scales of 1.
template <std::size_t Planes>
RowsInWork<Planes> random_rows(std::size_t rows, std::size_t cols, std::size_t group, bool shared = false) {
    RowsInWork<Planes> out(bitnet_test::normal_matrix(rows, cols, 1), group, shared);
    Random random(2);
    for (std::size_t p = 0; p < Planes; ++p) {
        for (std::size_t i = 0; i < rows * cols; ++i) out.codes[p].data()[i] = static_cast<std::int8_t>(static_cast<int>(random.below(3)) - 1);
        for (std::size_t i = 0; i < out.scales[p].values().size(); ++i) out.scales[p].data()[i] = 1;
    }
    return out;
}

/// As many rounds as it takes.
template <std::size_t Planes>
void fit(RowsInWork<Planes>& rows, const Matrix<float>& metric, int rounds = 300, bool offsets = false) {
    Matrix<float> images(rows.rows(), rows.cols()), pull(rows.rows(), rows.cols()), difference = rows.w;
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        rows.image(r, images.row(r));
        for (std::size_t c = 0; c < rows.cols(); ++c) difference(r, c) -= images(r, c);
    }
    matmul_nn<float>(difference, metric, pull);
    for (double last = error_of(rows, metric); rounds-- > 0;) {
        fit_scales<Planes>(rows, offsets, metric, images, pull);
        const double now = error_of(rows, metric);
        CHECK(now <= last * (1 + 1e-6));
        last = now;
    }
    std::vector<float> image(rows.cols());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
        rows.image(r, image);
        CHECK(std::ranges::equal(image, std::as_const(images).row(r)));
    }
}

/// Whether no scale can be changed alone and leave less error.
template <std::size_t Planes>
void check_best(RowsInWork<Planes> rows, const Matrix<float>& metric) {
    const double best = error_of(rows, metric);
    for (std::size_t p = 0; p < Planes; ++p)
        for (std::size_t i = 0; i < rows.scales[p].values().size(); ++i)
            for (const float factor : {0.97f, 1.03f}) {
                RowsInWork<Planes> moved = rows;
                moved.scales[p].data()[i] *= factor;
                CHECK(error_of(moved, metric) >= best * (1 - 1e-6));
            }
}

}  // namespace

TEST_CASE("scales fitted to codes cannot be bettered, in one plane and in two, with a shorter last group") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(200, 20, 3)), 0, "layer");
    const auto check = [&](auto rows) {
        const double before = error_of(rows, moments.metric);
        fit(rows, moments.metric);
        CHECK(error_of(rows, moments.metric) < before);
        for (const auto& plane : rows.scales)
            for (const float scale : plane.values()) CHECK(scale >= 0);
        check_best(rows, moments.metric);
    };
    check(random_rows<1>(3, 20, 20));
    check(random_rows<1>(3, 20, 8));
    check(random_rows<2>(2, 20, 8));
}

TEST_CASE("rows that share one scale get the one that is best for all of them") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(200, 10, 4)), 0, "layer");
    RowsInWork<1> rows = random_rows<1>(4, 10, 10, true);
    fit(rows, moments.metric, 2);
    for (std::size_t r = 1; r < 4; ++r) CHECK(rows.scales[0](r, 0) == rows.scales[0](0, 0));
    const double best = error_of(rows, moments.metric);
    for (const float factor : {0.97f, 1.03f}) {
        RowsInWork<1> moved = rows;
        for (std::size_t r = 0; r < 4; ++r) moved.scales[0](r, 0) *= factor;
        CHECK(error_of(moved, moments.metric) >= best);
    }
}

TEST_CASE("a group without codes keeps its scale, and planes that say the same keep theirs or share") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(200, 8, 5)), 0, "layer");
    RowsInWork<1> rows = random_rows<1>(1, 8, 4);
    for (std::size_t c = 0; c < 4; ++c) rows.codes[0](0, c) = 0;
    fit(rows, moments.metric, 1);
    CHECK(rows.scales[0](0, 0) == 1);
    RowsInWork<2> twins = random_rows<2>(1, 8, 8);
    twins.codes[1] = twins.codes[0];
    const double before = error_of(twins, moments.metric);
    fit(twins, moments.metric, 3);
    CHECK(error_of(twins, moments.metric) <= before);
}

TEST_CASE("offsets move with the scales, to either side, and cannot be bettered either") {
    const PreparedMoments moments = prepare(bitnet_test::moments_of(bitnet_test::inputs(200, 20, 6)), 0, "layer");
    for (const bool shared : {false, true}) {
        RowsInWork<1> rows = random_rows<1>(3, 20, shared ? 20 : 8, shared), without = rows;
        for (std::size_t r = 0; r < 3; ++r)
            for (float& w : rows.w.row(r)) w += r == 0 || shared ? -2.0f : 2.0f;
        without.w = rows.w;
        fit(without, moments.metric);
        fit(rows, moments.metric, 300, true);
        const double best = error_of(rows, moments.metric);
        CHECK(best < 0.8 * error_of(without, moments.metric));
        CHECK(rows.offsets(0, 0) != 0);
        CHECK((rows.offsets(0, 0) == rows.offsets(2, 0)) == shared);
        for (const float by : {-0.05f, 0.05f}) {
            RowsInWork<1> moved = rows;
            for (std::size_t r = 0; r < (shared ? 3u : 1u); ++r) moved.offsets(r, 0) += by;
            CHECK(error_of(moved, moments.metric) >= best * (1 - 1e-6));
        }
    }
}
