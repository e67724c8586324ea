#include <bitnet/nn/linear.hpp>

#include <doctest/doctest.h>

#include <random>

using bitnet::Linear;
using bitnet::Matrix;

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
