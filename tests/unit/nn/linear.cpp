#include <bitnet/nn/linear.hpp>

#include <doctest/doctest.h>

#include <random>

#include <support/gradient.hpp>

using bitnet::Linear;
using bitnet::Matrix;
using namespace bitnet_test;

TEST_CASE("a linear layer is the plain loops at every size around its tiles, whatever the number of threads") {
    std::mt19937 random(3);
    std::uniform_int_distribution<int> digit(-3, 3);
    for (const auto& [tokens, in, out] : {std::array<std::size_t, 3>{1, 5, 3}, {257, 3, 2}, {2, 4, 300}, {260, 2, 257}}) {
        Linear<float> layer{Matrix<float>(out, in), std::vector<float>(out)};
        Matrix<float> x(tokens, in), y(tokens, out), other(tokens, out);
        for (std::size_t o = 0; o < out; ++o) {
            layer.bias[o] = static_cast<float>(digit(random));
            for (float& w : layer.weight.row(o)) w = static_cast<float>(digit(random));
        }
        for (std::size_t t = 0; t < tokens; ++t)
            for (float& value : x.row(t)) value = static_cast<float>(digit(random));
        layer.forward(x, y, 1);
        layer.forward(x, other, 3);
        CHECK(y.values() == other.values());
        std::size_t wrong = 0;
        for (std::size_t t = 0; t < tokens; ++t)
            for (std::size_t o = 0; o < out; ++o) {
                float sum = layer.bias[o];
                for (std::size_t c = 0; c < in; ++c) sum += x(t, c) * layer.weight(o, c);
                wrong += y(t, o) != sum;
            }
        CHECK(wrong == 0);
    }
}

TEST_CASE("the gradients of a linear layer are those of central differences, at sizes around its tiles") {
    Matrix<double> x = normal_matrix(5, 7, 1), w = normal_matrix(3, 7, 2), bias = normal_matrix(1, 3, 3), y(5, 3);
    const Matrix<double> dy = normal_matrix(5, 3, 4);
    Matrix<double> dx = normal_matrix(5, 7, 5), dw(3, 7), dbias(1, 3);
    bitnet::linear_backward_input<double>(dy, w, dx, 0, 2);
    bitnet::linear_backward_weight<double>(dy, x, dw, 2);
    bitnet::linear_backward_bias<double>(dy, dbias.row(0));
    const auto loss = [&] {
        bitnet::multiply_nt<double>(x, w, y, 1);
        bitnet::add_bias<double>(bias.row(0), y);
        return dot(y, dy);
    };
    CHECK(gradient_error(x, dx, loss) < 1e-8);
    CHECK(gradient_error(w, dw, loss) < 1e-8);
    CHECK(gradient_error(bias, dbias, loss) < 1e-8);
}

TEST_CASE("large gradients of a linear layer are the plain loops, added to what was there, for any number of threads") {
    const Matrix<float> x(600, 300, std::vector<float>(600 * 300, 0.5f));
    Matrix<float> dy(600, 530), w(530, 300);
    for (std::size_t t = 0; t < dy.rows(); ++t)
        for (std::size_t o = 0; o < dy.cols(); ++o) dy(t, o) = static_cast<float>((t * 7 + o * 3) % 5) - 2;
    for (std::size_t o = 0; o < w.rows(); ++o)
        for (std::size_t c = 0; c < w.cols(); ++c) w(o, c) = static_cast<float>((o + 2 * c) % 3) - 1;
    for (const unsigned threads : {1u, 3u}) {
        Matrix<float> dx(600, 300), dw(530, 300);
        dx(599, 299) = dw(529, 299) = 1;
        bitnet::linear_backward_input<float>(dy, w, dx, 1, threads);
        bitnet::linear_backward_weight<float>(dy, x, dw, threads);
        float of_input = 1, of_weight = 1;
        for (std::size_t o = 0; o < 530; ++o) of_input += dy(599, o) * w(o, 299);
        for (std::size_t t = 0; t < 600; ++t) of_weight += dy(t, 529) * 0.5f;
        CHECK(dx(599, 299) == of_input);
        CHECK(dw(529, 299) == of_weight);
    }
}
