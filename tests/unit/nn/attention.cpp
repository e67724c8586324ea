#include <bitnet/nn/attention.hpp>

#include <doctest/doctest.h>

#include <support/gradient.hpp>

using bitnet::attention;
using bitnet::AttentionShape;
using bitnet::execution;
using bitnet::Matrix;
using bitnet::MatrixView;
using namespace bitnet_test;

namespace {

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
            const Matrix<double> q = normal_matrix(tokens, 24, 1), k = normal_matrix(before + tokens, 12, 2),
                                 v = normal_matrix(before + tokens, 12, 3);
            Matrix<double> out(tokens, 24), threaded(tokens, 24);
            attention<double>(q, k, v, shape, out, execution(1));
            attention<double>(q, k, v, shape, threaded, execution(3));
            CHECK(out.values() == threaded.values());
            const Matrix<double> expected = plain(q, k, v, shape);
            double worst = 0;
            for (std::size_t i = 0; i < out.values().size(); ++i)
                worst = std::max(worst, std::abs(out.values()[i] - expected.values()[i]));
            CHECK(worst < 1e-13);
        }
}

TEST_CASE("the gradients of attention are those of central differences for grouped heads, windows and several tiles") {
    for (const std::size_t tokens : {std::size_t{1}, std::size_t{6}, std::size_t{67}})
        for (const std::optional<std::size_t> window : {std::optional<std::size_t>{}, {3}}) {
            const AttentionShape shape{4, 2, 2, 0.7, window};
            Matrix<double> q = normal_matrix(tokens, 8, 1), k = normal_matrix(tokens, 4, 2), v = normal_matrix(tokens, 4, 3);
            const Matrix<double> slope = normal_matrix(tokens, 8, 4);
            Matrix<double> out(tokens, 8), dq(tokens, 8), dk(tokens, 4), dv(tokens, 4);
            const auto loss = [&] {
                attention<double>(q, k, v, shape, out, execution(1));
                return dot(out, slope);
            };
            loss();
            bitnet::attention_backward<double>(q, k, v, out, slope, shape, dq, dk, dv, execution(2));
            CAPTURE(tokens);
            if (tokens > 1) {  // a token alone sees itself whatever it asks
                CHECK(gradient_error(q, dq, loss) < 1e-7);
                CHECK(gradient_error(k, dk, loss) < 1e-7);
            }
            CHECK(gradient_error(v, dv, loss) < 1e-7);
        }
}

TEST_CASE("the largest score of each head is told, whatever the tiles, and only grows") {
    const AttentionShape shape{2, 1, 2, 0.5, {}};
    Matrix<double> q = normal_matrix(70, 4, 1);
    const Matrix<double> k = normal_matrix(70, 2, 2), v = normal_matrix(70, 2, 3);
    Matrix<double> out(70, 4);
    std::vector<double> largest{-1, 100};
    attention<double>(q, k, v, shape, out, execution(2), largest);
    double expected = -1;
    for (std::size_t i = 0; i < 70; ++i)
        for (std::size_t j = 0; j <= i; ++j) expected = std::max(expected, 0.5 * (q(i, 0) * k(j, 0) + q(i, 1) * k(j, 1)));
    CHECK(largest[0] == doctest::Approx(expected));
    CHECK(largest[1] == 100);
}
