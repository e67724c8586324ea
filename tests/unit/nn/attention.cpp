#include <bitnet/nn/attention.hpp>

#include <doctest/doctest.h>

#include <random>

using bitnet::attention;
using bitnet::AttentionShape;
using bitnet::Matrix;
using bitnet::MatrixView;

namespace {

Matrix<double> random_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<double> value;
    Matrix<double> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (double& x : out.row(r)) x = value(random);
    return out;
}

/// Token by token, as the formula reads.
Matrix<double> plain(const Matrix<double>& q, const Matrix<double>& k, const Matrix<double>& v, const AttentionShape& s) {
    Matrix<double> out(q.rows(), q.cols());
    for (std::size_t t = 0; t < q.rows(); ++t)
        for (std::size_t head = 0; head < s.heads; ++head) {
            const std::size_t position = k.rows() - q.rows() + t, kv = head / (s.heads / s.kv_heads);
            double sum = 0;
            for (std::size_t j = 0; j <= position; ++j) {
                if (s.window && j + *s.window <= position) continue;
                double score = 0;
                for (std::size_t c = 0; c < s.head_dim; ++c)
                    score += q(t, head * s.head_dim + c) * k(j, kv * s.head_dim + c);
                const double weight = std::exp(s.scale * score);
                sum += weight;
                for (std::size_t c = 0; c < s.head_dim; ++c)
                    out(t, head * s.head_dim + c) += weight * v(j, kv * s.head_dim + c);
            }
            for (std::size_t c = 0; c < s.head_dim; ++c) out(t, head * s.head_dim + c) /= sum;
        }
    return out;
}

}  // namespace

TEST_CASE("attention is the formula for grouped heads, windows, a cache before it and more queries than a tile") {
    for (const auto& text : {std::pair<std::size_t, std::size_t>{1, 0}, {1, 9}, {5, 0}, {70, 3}, {130, 0}})
        for (const std::optional<std::size_t> window : {std::optional<std::size_t>{}, {1}, {4}, {100}}) {
            const std::size_t tokens = text.first, before = text.second;
            CAPTURE(tokens);
            CAPTURE(before);
            const AttentionShape shape{4, 2, 6, 0.4, window};
            const Matrix<double> q = random_matrix(tokens, 24, 1), k = random_matrix(before + tokens, 12, 2),
                                 v = random_matrix(before + tokens, 12, 3);
            Matrix<double> out(tokens, 24), threaded(tokens, 24);
            attention<double>(q, k, v, shape, out, 1);
            attention<double>(q, k, v, shape, threaded, 3);
            CHECK(out.values() == threaded.values());
            const Matrix<double> expected = plain(q, k, v, shape);
            double worst = 0;
            for (std::size_t i = 0; i < out.values().size(); ++i)
                worst = std::max(worst, std::abs(out.values()[i] - expected.values()[i]));
            CHECK(worst < 1e-13);
        }
}
