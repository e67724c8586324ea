#include <bitnet/calibrate/input_moments.hpp>

#include "cases.hpp"

#include <limits>

#include <doctest/doctest.h>

using namespace bitnet;
using bitnet_test::inputs;
using bitnet_test::normal_matrix;

namespace {

/// Σ aᵀ·b, one product after the other.
Matrix<double> product(const Matrix<float>& a, const Matrix<float>& b) {
    Matrix<double> out(a.cols(), b.cols());
    for (std::size_t t = 0; t < a.rows(); ++t)
        for (std::size_t r = 0; r < a.cols(); ++r)
            for (std::size_t c = 0; c < b.cols(); ++c) out(r, c) += static_cast<double>(a(t, r)) * static_cast<double>(b(t, c));
    return out;
}
Matrix<float> difference(Matrix<float> a, const Matrix<float>& b) {
    for (std::size_t i = 0; i < a.values().size(); ++i) a.data()[i] -= b.values()[i];
    return a;
}
void check_near(const Matrix<double>& a, const Matrix<double>& b, double tolerance) {
    double most = 0;
    for (const double value : b.values()) most = std::max(most, std::abs(value));
    REQUIRE(a.values().size() == b.values().size());
    for (std::size_t i = 0; i < a.values().size(); ++i) CHECK(std::abs(a.values()[i] - b.values()[i]) <= tolerance * most);
}

}  // namespace

TEST_CASE("moments are the sums that they are said to be, for any threads and pieces") {
    const Matrix<float> x = inputs(700, 90, 1), original = inputs(700, 90, 2), stream = normal_matrix(700, 5, 3), wanted = normal_matrix(700, 5, 4);
    InputMoments one(90), two(90);
    for (InputMoments* const moments : {&one, &two}) {
        const unsigned threads = moments == &one ? 1 : 2;
        for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 300}, {300, 400}}) {
            moments->add(x.view().row_range(first, count), threads);
            moments->add_drift(original.view().row_range(first, count), x.view().row_range(first, count), threads);
            moments->add_stream_drift(wanted.view().row_range(first, count), stream.view().row_range(first, count), x.view().row_range(first, count), threads);
        }
    }
    CHECK(one.tokens() == 700);
    CHECK(one.second().values() == two.second().values());
    CHECK(one.drift().values() == two.drift().values());
    check_near(one.second(), product(x, x), 1e-6);
    check_near(one.drift(), product(difference(original, x), x), 1e-6);
    check_near(one.stream_drift(), product(difference(wanted, stream), x), 1e-6);
}

TEST_CASE("the feedback's triangle is that of the inverse") {
    const InputMoments moments = bitnet_test::moments_of(inputs(300, 24, 5));
    const PreparedMoments prepared = prepare(moments, 0.1, "layer");
    CHECK(prepared.damping == 0.1);
    Matrix<double> damped = moments.second();
    for (std::size_t i = 0; i < 24; ++i) damped(i, i) += 0.1 * moments.mean_diagonal();
    // Uᵀ·U·H = 1 with U the triangle times a diagonal d: the triangle's last row gives d there, and so on upwards.
    Matrix<double> inverse(24, 24), lower = damped;
    REQUIRE(cholesky(lower));
    for (std::size_t i = 0; i < 24; ++i) inverse(i, i) = 1;
    solve_rows(lower, inverse);
    // U from the Cholesky factor of the inverse, as the source has it.
    REQUIRE(cholesky(inverse));
    for (std::size_t r = 0; r < 24; ++r)
        for (std::size_t c = 0; c < 24; ++c)
            CHECK(static_cast<double>(prepared.feedback(r, c)) == doctest::Approx(c < r ? 0 : inverse(c, r) / inverse(r, r)).epsilon(1e-4));
}

TEST_CASE("inputs that are always zero, and fewer tokens than inputs, raise the damping as far as needed") {
    Matrix<float> x = inputs(5, 16, 7);
    for (std::size_t t = 0; t < 5; ++t) x(t, 3) = 0;
    const InputMoments moments = bitnet_test::moments_of(x);
    CHECK(moments.dead() == 1);
    const DampedFactor factor = damped_cholesky(moments, 0);
    CHECK(factor.damping > 0);
    CHECK(factor.damping <= 1e-5);
    const PreparedMoments prepared = prepare(moments, 0.1, "layer");
    for (std::size_t c = 0; c < 16; ++c) CHECK(prepared.feedback(3, c) == (c == 3 ? 1.0f : 0.0f));
    const PreparedMoments none = prepare(InputMoments(4), 0.1, "layer");  // nothing is known
    CHECK(none.metric(0, 0) == doctest::Approx(0.01));
    CHECK(prepare(moments, 0, "layer").feedback.rows() == 0);
}

TEST_CASE("an input that is not finite names its layer") {
    Matrix<float> x = inputs(5, 4, 8);
    x(2, 1) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(prepare(bitnet_test::moments_of(x), 0.1, "layers.0.q_proj"), "layers.0.q_proj: its input 1 is not finite on the calibration text", error);
}

TEST_CASE("a new target does on the new inputs what the matrix did on the old ones, as far as a matrix can") {
    const std::size_t tokens = 400, channels = 12;
    const Matrix<float> original = inputs(tokens, channels, 9), turn = normal_matrix(channels, channels, 10), w = normal_matrix(6, channels, 11);
    Matrix<float> x(tokens, channels);  // a linear map of the original, so that a matrix can undo it
    matmul_nn<float>(original, turn, x);
    InputMoments moments(channels);
    moments.add(x, 1);
    moments.add_drift(original, x, 1);
    Matrix<float> target = w, wanted(tokens, 6), before(tokens, 6), after(tokens, 6);
    retarget(moments, damped_cholesky(moments, 1e-7), target, 1);
    matmul_nt<float>(original, w, wanted);
    matmul_nt<float>(x, w, before);
    matmul_nt<float>(x, target, after);
    const auto error = [&](const Matrix<float>& y) {
        double sum = 0;
        for (std::size_t i = 0; i < y.values().size(); ++i) sum += std::pow(static_cast<double>(y.values()[i] - wanted.values()[i]), 2);
        return sum;
    };
    CHECK(error(after) < 1e-3 * error(before));

    InputMoments still(channels);  // nothing has moved: the target stays, but for what the residual stream lacks
    still.add(x, 1);
    still.add_drift(x, x, 1);
    Matrix<float> same = w;
    retarget(still, damped_cholesky(still, 0.01), same, 1);
    CHECK(same.values() == w.values());
    still.add_stream_drift(wanted, Matrix<float>(tokens, 6), x, 1);  // the stream lacks all that the matrix gave
    retarget(still, damped_cholesky(still, 1e-7), same, 1);
    Matrix<float> made(tokens, 6);
    matmul_nt<float>(x, same, made);
    for (std::size_t i = 0; i < made.values().size(); ++i) made.data()[i] -= before.values()[i];
    CHECK(error(made) < 1e-3 * error(Matrix<float>(tokens, 6)));
}
