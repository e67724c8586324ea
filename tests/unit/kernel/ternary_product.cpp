#include <bitnet/kernel/ternary_product.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>

#include "matrices.hpp"

using namespace bitnet;

namespace {

/// x8 by column, taken out of either order.
std::int8_t int8_activation(const Int8Activations& x, std::size_t t, std::size_t c) {
    const bool planes = x.order == ActivationOrder::planes;
    return x.token(t)[planes ? c / 256 * 256 + c % 4 * 64 + c % 256 / 4 : c];
}

/// Integers first, then the stated order of the sum over groups.
std::vector<float> reference(const matrices::Matrix& m, const Int8Activations& x) {
    const std::size_t group = m.whole_tensor ? m.cols : m.group;
    std::vector<float> y;
    for (std::size_t t = 0; t < x.tokens; ++t)
        for (std::size_t row = 0; row < m.rows; ++row) {
            std::vector<double> terms;
            for (std::size_t begin = 0; begin < m.cols; begin += group) {
                std::int64_t dot = 0;
                for (std::size_t c = begin; c < std::min(m.cols, begin + group); ++c)
                    dot += m.q[row * m.cols + c] * int8_activation(x, t, c);
                const float scale = m.scales[m.whole_tensor ? 0 : row * ((m.cols + group - 1) / group) + begin / group];
                terms.push_back(static_cast<double>(scale) * static_cast<double>(dot));
            }
            y.push_back(static_cast<float>(matrices::in_eight_lanes(terms) / static_cast<double>(x.scales[t])));
        }
    return y;
}

constexpr auto plain_int8_loops = [](const matrices::Matrix& m, const std::vector<float>&, const Int8Activations& x) {
    return reference(m, x);
};

}  // namespace

TEST_CASE("integer products equal plain loops for rows of every length") {
    const unsigned seed = 21;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const Layout layout : matrices::every_layout)
        for (std::size_t cols = 1; cols <= 300; ++cols)
            for (const std::size_t group : {std::size_t{0}, cols, std::size_t{64}, std::size_t{128}, std::size_t{32}})
                matrices::check_product<Int8Activations>(random, layout, cols % 2 == 0 ? 1 : 4, 3, cols, group, plain_int8_loops);
}

TEST_CASE("integer products equal plain loops for groups of any size and any number of tokens") {
    const unsigned seed = 22;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const Layout layout : matrices::every_layout)
        for (const std::size_t cols : std::to_array<std::size_t>({97, 300, 640, 1000, 2561, 4096, 9000}))
            for (const std::size_t group :
                 std::to_array<std::size_t>({0, 1, 3, 32, 64, 100, 128, 192, 256, 320, 384, 448, 576, 640, 1152, 2560, 4160, 9000}))
                for (const std::size_t tokens : std::to_array<std::size_t>({1, 2, 3, 5, 17}))
                    if (cols < 1000 || tokens == 1 || (tokens == 5 && group > 3))
                        matrices::check_product<Int8Activations>(random, layout, tokens, 5, cols, group, plain_int8_loops);
}

TEST_CASE("sums of the largest activations do not leave their integers") {
    for (const std::size_t group : std::to_array<std::size_t>({0, 64, 128, 192})) {
        std::mt19937 random(23);
        auto m = matrices::random_matrix(random, Layout::trit2, 4, 20'000, group);
        for (std::size_t row = 0; row < 4; ++row)
            std::fill_n(m.q.begin() + static_cast<std::ptrdiff_t>(row * m.cols), m.cols, std::int8_t(row % 2 == 0 ? 1 : -1));
        matrices::pack_rows<pack::Trit2>(m);
        for (const float sign : {1.0f, -1.0f}) {
            const std::vector<float> floats(4 * m.cols, sign);
            for (const Kernels* kernels : available_kernels()) {
                INFO(kernels->arch, ", groups of ", group);
                Int8Activations x;
                prepare(x, floats, m.view(), *kernels);
                std::vector<float> y(16);
                multiply(m.view(), 0, 4, x, y, *kernels);
                CHECK(y == reference(m, x));
            }
        }
    }
}

TEST_CASE("integer products are near those of the weights and activations themselves") {
    std::mt19937 random(24);
    const auto m = matrices::random_matrix(random, Layout::trit2, 8, 1024, 64);
    const auto floats = matrices::random_activations(random, 1024);
    Int8Activations x;
    prepare(x, floats, m.view(), best_kernels());
    std::vector<float> y(8);
    multiply(m.view(), 0, 8, x, y, best_kernels());
    for (std::size_t row = 0; row < 8; ++row) {
        double exact = 0, magnitudes = 0;
        for (std::size_t c = 0; c < 1024; ++c) {
            const double w = static_cast<double>(m.scales[row * 16 + c / 64]) * m.q[row * 1024 + c];
            exact += w * static_cast<double>(floats[c]);
            magnitudes += std::abs(w) * 0.5 / static_cast<double>(x.scales[0]);  // half a step an activation
        }
        CHECK(std::abs(static_cast<double>(y[row]) - exact) <= magnitudes * 1.000001);
    }
}

TEST_CASE("a token with a NaN or an infinity has NaN products, and other tokens have theirs") {
    std::mt19937 random(25);
    for (const Layout layout : matrices::every_layout)
        for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
            for (const Kernels* kernels : available_kernels()) {
                const auto m = matrices::random_matrix(random, layout, 3, 200, 64);
                auto floats = matrices::random_activations(random, 2 * 200);
                floats[77] = bad;
                Int8Activations x;
                prepare(x, floats, m.view(), *kernels);
                std::vector<float> y(6);
                multiply(m.view(), 0, 3, x, y, *kernels);
                for (std::size_t i = 0; i < 3; ++i) CHECK(std::isnan(y[i]));
                for (std::size_t i = 3; i < 6; ++i) CHECK(std::isfinite(y[i]));
            }
}
