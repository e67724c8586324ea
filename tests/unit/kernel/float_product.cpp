#include <bitnet/kernel/float_product.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>

#include "matrices.hpp"

using namespace bitnet;

namespace {

/// The stated order, written down once more: 32 float lanes by column, halves on halves, eight double lanes by group.
std::vector<float> reference(const matrices::Matrix& m, const std::vector<float>& x) {
    const std::size_t group = m.whole_tensor ? m.cols : m.group;
    std::vector<float> y;
    for (std::size_t t = 0; t < x.size() / m.cols; ++t)
        for (std::size_t row = 0; row < m.rows; ++row) {
            std::vector<double> terms;
            for (std::size_t begin = 0; begin < m.cols; begin += group) {
                std::vector<float> lane(32, 0.0f);
                for (std::size_t c = begin; c < std::min(m.cols, begin + group); ++c) {
                    const float product = m.q[row * m.cols + c] * x[t * m.cols + c];
                    lane[8 * (c % 4) + c % 32 / 4] += product;
                }
                for (std::size_t half = 16; half > 0; half /= 2)
                    for (std::size_t j = 0; j < half; ++j) lane[j] += lane[j + half];
                const float scale = m.scales[m.whole_tensor ? 0 : row * ((m.cols + group - 1) / group) + begin / group];
                terms.push_back(static_cast<double>(scale) * static_cast<double>(lane[0]));
            }
            y.push_back(static_cast<float>(matrices::in_eight_lanes(terms)));
        }
    return y;
}

constexpr auto plain_loops = [](const matrices::Matrix& m, const std::vector<float>& x, const FloatActivations&) {
    return reference(m, x);
};

}  // namespace

TEST_CASE("float products equal plain loops for rows of every length") {
    const unsigned seed = 31;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const Layout layout : matrices::every_layout)
        for (std::size_t cols = 1; cols <= 300; ++cols)
            for (const std::size_t group : {std::size_t{0}, cols, std::size_t{64}, std::size_t{128}, std::size_t{32}})
                matrices::check_product<FloatActivations>(random, layout, cols % 2 == 0 ? 1 : 4, 3, cols, group, plain_loops);
}

TEST_CASE("float products equal plain loops for groups of any size and any number of tokens") {
    const unsigned seed = 32;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const Layout layout : matrices::every_layout)
        for (const std::size_t cols : std::to_array<std::size_t>({97, 300, 640, 1000, 2561, 4096, 9000}))
            for (const std::size_t group : std::to_array<std::size_t>({0, 1, 3, 32, 64, 100, 128, 192, 2560, 4160, 9000}))
                for (const std::size_t tokens : std::to_array<std::size_t>({1, 2, 3, 5, 17}))
                    if (cols < 1000 || tokens == 1 || (tokens == 5 && group > 3))
                        matrices::check_product<FloatActivations>(random, layout, tokens, 5, cols, group, plain_loops);
}

TEST_CASE("float products are near those in double") {
    std::mt19937 random(33);
    const auto m = matrices::random_matrix(random, Layout::trit2, 8, 4096, 128);
    const auto floats = matrices::random_activations(random, 4096);
    FloatActivations x;
    prepare(x, floats, m.view(), best_kernels());
    std::vector<float> y(8);
    multiply(m.view(), 0, 8, x, y, best_kernels());
    for (std::size_t row = 0; row < 8; ++row) {
        double exact = 0, magnitudes = 0;
        for (std::size_t c = 0; c < 4096; ++c) {
            const double w = static_cast<double>(m.scales[row * 32 + c / 128]) * m.q[row * 4096 + c];
            exact += w * static_cast<double>(floats[c]);
            magnitudes += std::abs(w * static_cast<double>(floats[c]));
        }
        // Each float passes four additions in its lane and five in the fold, of half an ulp each, and the last rounding.
        CHECK(std::abs(static_cast<double>(y[row]) - exact) <= 10 * 0x1p-24 * magnitudes);
    }
}

TEST_CASE("a token with a NaN has NaN products wherever the code is, and other tokens have theirs") {
    std::mt19937 random(34);
    for (const Layout layout : matrices::every_layout)
        for (const std::size_t group : std::to_array<std::size_t>({64, 100}))
            for (const Kernels* kernels : available_kernels()) {
                const auto m = matrices::random_matrix(random, layout, 3, 200, group);
                auto floats = matrices::random_activations(random, 2 * 200);
                floats[77] = std::numeric_limits<float>::quiet_NaN();
                FloatActivations x;
                prepare(x, floats, m.view(), *kernels);
                std::vector<float> y(6);
                multiply(m.view(), 0, 3, x, y, *kernels);
                for (std::size_t i = 0; i < 3; ++i) CHECK(std::isnan(y[i]));
                for (std::size_t i = 3; i < 6; ++i) CHECK(std::isfinite(y[i]));
            }
}
