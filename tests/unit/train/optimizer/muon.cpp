#include <bitnet/train/optimizer/muon.hpp>

#include <doctest/doctest.h>

#include <support/optimizer_state.hpp>

#include <cmath>
#include <utility>
#include <vector>

#include <bitnet/core/rng.hpp>

using bitnet::Matrix;
using bitnet::ParameterShape;
using bitnet::optimizer::AdamW;
using bitnet::optimizer::Muon;
using bitnet::optimizer::newton_schulz;
static_assert(bitnet::OptimizerPolicy<Muon> && bitnet::CheckpointedState<Muon::State>);

namespace {

Matrix<float> normal_floats(std::size_t rows, std::size_t cols, std::uint64_t seed) {
    bitnet::Random random(seed);
    Matrix<float> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (float& value : out.row(r)) value = random.normal();
    return out;
}

/// An orthogonal matrix with no zero in it: the reflection I - 2·v·vᵀ/(vᵀv), v = (first, first + 1, ...).
Matrix<double> reflection(std::size_t n, double first) {
    double square = 0;
    const auto v = [&](std::size_t i) { return first + static_cast<double>(i); };
    for (std::size_t i = 0; i < n; ++i) square += v(i) * v(i);
    Matrix<double> out(n, n);
    for (std::size_t r = 0; r < n; ++r)
        for (std::size_t c = 0; c < n; ++c) out(r, c) = (r == c ? 1.0 : 0.0) - 2 * v(r) * v(c) / square;
    return out;
}

/// U·diag(values)·Vᵀ for two reflections.
Matrix<double> from_singular_values(std::size_t rows, std::size_t cols, const std::vector<double>& values) {
    const Matrix<double> u = reflection(rows, 1), v = reflection(cols, 2);
    Matrix<double> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c)
            for (std::size_t k = 0; k < values.size(); ++k) out(r, c) += values[k] * u(r, k) * v(c, k);
    return out;
}

/// Singular values by one-sided Jacobi rotations: columns of m (rows >= cols) are turned until all are orthogonal.
std::vector<double> singular_values(const Matrix<float>& m) {
    const bool wide = m.cols() > m.rows();
    const std::size_t rows = wide ? m.cols() : m.rows(), cols = wide ? m.rows() : m.cols();
    Matrix<double> a(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c) a(r, c) = static_cast<double>(wide ? m(c, r) : m(r, c));
    for (int sweep = 0; sweep < 12; ++sweep)
        for (std::size_t p = 0; p < cols; ++p)
            for (std::size_t q = p + 1; q < cols; ++q) {
                double pp = 0, qq = 0, pq = 0;
                for (std::size_t r = 0; r < rows; ++r) {
                    pp += a(r, p) * a(r, p);
                    qq += a(r, q) * a(r, q);
                    pq += a(r, p) * a(r, q);
                }
                const double angle = 0.5 * std::atan2(2 * pq, pp - qq);
                for (std::size_t r = 0; r < rows; ++r) {
                    const double x = a(r, p), y = a(r, q);
                    a(r, p) = std::cos(angle) * x + std::sin(angle) * y;
                    a(r, q) = std::cos(angle) * y - std::sin(angle) * x;
                }
            }
    std::vector<double> out(cols);
    for (std::size_t c = 0; c < cols; ++c) {
        for (std::size_t r = 0; r < rows; ++r) out[c] += a(r, c) * a(r, c);
        out[c] = std::sqrt(out[c]);
    }
    return out;
}

/// What five steps make of one singular value.
double five_steps(double s) {
    for (int step = 0; step < 5; ++step) s = 3.4445 * s - 4.7750 * std::pow(s, 3) + 2.0315 * std::pow(s, 5);
    return s;
}

}  // namespace

TEST_CASE("five steps keep the singular vectors and take each singular value through the quintic") {
    const std::vector<double> values{3.0, 0.4, 0.05};
    const double norm = std::sqrt(3.0 * 3.0 + 0.4 * 0.4 + 0.05 * 0.05);
    std::vector<double> expected_values;
    for (const double value : values) expected_values.push_back(five_steps(value / norm));
    CHECK(expected_values[2] > 0.68);  // from 1/60 of the norm
    for (const auto& [rows, cols] : {std::pair{7u, 3u}, {3u, 5u}, {3u, 3u}, {6u, 6u}}) {
        const Matrix<double> m = from_singular_values(rows, cols, values), expected = from_singular_values(rows, cols, expected_values);
        Matrix<float> in(rows, cols);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < cols; ++c) in(r, c) = static_cast<float>(m(r, c));
        const Matrix<float> out = newton_schulz(in);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < cols; ++c)
                CHECK(static_cast<double>(out(r, c)) == doctest::Approx(expected(r, c)).epsilon(1e-4).scale(1));
    }
}

TEST_CASE("singular values of random matrices end between 0.68 and 1.15") {
    for (const auto& [rows, cols] : {std::pair{96u, 32u}, {32u, 96u}, {20u, 16u}, {1u, 8u}, {8u, 1u}, {1u, 1u}})
        for (const double value : singular_values(newton_schulz(normal_floats(rows, cols, 7 * rows + cols)))) {
            CHECK(value > 0.68);
            CHECK(value < 1.15);
        }
}

TEST_CASE("a matrix of zeros stays one, and matrices of any size and scale give numbers") {
    CHECK(newton_schulz(Matrix<float>(4, 3)).values() == std::vector<float>(12, 0.0f));
    CHECK(newton_schulz(Matrix<float>(0, 3)).values().empty());
    CHECK(newton_schulz(Matrix<float>(3, 0)).values().empty());
    for (const float scale : {1e-30f, 1e30f}) {
        const Matrix<float> out = newton_schulz(Matrix<float>(1, 2, {3 * scale, 4 * scale}));
        CHECK(std::isfinite(out(0, 0)));
        CHECK(out(0, 1) == doctest::Approx(4.0f / 3.0f * out(0, 0)));
    }
}

TEST_CASE("a block's matrix follows the nearly orthogonal part of its Nesterov momentum") {
    // Two steps by hand: B = g1, M = g1 + 0.5·g1. Then B = 0.5·g1 + g2, M = g2 + 0.5·B.
    const Muon muon{.momentum = 0.5f, .weight_decay = 0.125f};
    const Matrix<float> g1 = normal_floats(8, 2, 1), g2 = normal_floats(8, 2, 2);
    Matrix<float> m1(8, 2), m2(8, 2);
    for (std::size_t r = 0; r < 8; ++r)
        for (std::size_t c = 0; c < 2; ++c) {
            m1(r, c) = 1.5f * g1(r, c);
            m2(r, c) = g2(r, c) + 0.5f * (0.5f * g1(r, c) + g2(r, c));
        }
    const Matrix<float> x1 = newton_schulz(m1), x2 = newton_schulz(m2);
    std::vector<float> w(16, 1.0f);
    Muon::State state({.rows = 8, .cols = 2, .block_matrix = true});
    muon.update(w, g1.values(), state, 0.25f);
    muon.update(w, g2.values(), state, 0.5f);
    for (std::size_t i = 0; i < 16; ++i) {  // sqrt(8/2) = 2
        const double first = 1.0 * (1 - 0.25 * 0.125) - 0.25 * 2 * static_cast<double>(x1.values()[i]);
        const double second = first * (1 - 0.5 * 0.125) - 0.5 * 2 * static_cast<double>(x2.values()[i]);
        CHECK(static_cast<double>(w[i]) == doctest::Approx(second).epsilon(1e-5).scale(1));
    }
}

TEST_CASE("a wide matrix moves by the learning rate alone, without a factor of its shape") {
    std::vector<float> w(16, 0.0f);
    Muon::State state({.rows = 2, .cols = 8, .block_matrix = true});
    const Matrix<float> g = normal_floats(2, 8, 3), direction = newton_schulz(g);
    Muon{.momentum = 0.0f}.update(w, g.values(), state, 0.5f);
    for (std::size_t i = 0; i < 16; ++i) CHECK(w[i] == doctest::Approx(-0.5f * direction.values()[i]));
}

TEST_CASE("a block's matrix without a gradient only decays") {
    std::vector<float> w(6, 2.0f);
    Muon::State state({.rows = 3, .cols = 2, .block_matrix = true});
    Muon{.weight_decay = 0.5f}.update(w, std::vector<float>(6, 0.0f), state, 0.5f);
    CHECK(w == std::vector<float>(6, 1.5f));
    std::vector<float> none;
    Muon::State empty({.rows = 3, .cols = 0, .block_matrix = true});
    Muon{}.update(none, none, empty, 0.5f);
}

TEST_CASE("every other tensor follows AdamW at its share of the learning rate") {
    const Muon muon{.weight_decay = 0.5f, .rest_rate = 0.25f, .beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 1e-4f};
    const AdamW adam{.beta1 = 0.5f, .beta2 = 0.75f, .epsilon = 1e-4f, .weight_decay = 0.5f};
    std::vector<float> w(12, 1.0f), same = w;
    Muon::State state({.rows = 4, .cols = 3});
    AdamW::State adam_state(12);
    for (int step = 1; step <= 5; ++step) {
        const std::vector<float> g = bitnet_test::some_gradient(12, step);
        muon.update(w, g, state, 0.5f);
        adam.update(same, g, adam_state, 0.125f);
    }
    CHECK(w == same);
}

TEST_CASE("a state is one float a weight of a block's matrix, two of any other tensor, and moves through a checkpoint") {
    const ParameterShape block{.rows = 5, .cols = 3, .block_matrix = true}, embedding{.rows = 5, .cols = 3};
    CHECK(bitnet::state_bytes(Muon::State(block)) == 4 * 15);
    CHECK(bitnet::state_bytes(Muon::State(embedding)) == 8 * 15 + 8);
    CHECK(bitnet_test::survives_a_checkpoint(Muon{}, block));
    CHECK(bitnet_test::survives_a_checkpoint(Muon{}, embedding));
    CHECK(bitnet::from_string<Muon>(bitnet::to_string(Muon{.rest_rate = 0.5f})) == Muon{.rest_rate = 0.5f});
}
