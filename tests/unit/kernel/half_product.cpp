#include <bitnet/kernel/half_product.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

using namespace bitnet;

namespace {

/// The stated order, written down once more: 16 double lanes by column, halves on halves.
template <class Float16>
std::vector<float> reference(const std::vector<std::uint16_t>& w, std::size_t rows, std::size_t cols,
                             const std::vector<float>& x, std::size_t tokens) {
    std::vector<float> y;
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t r = 0; r < rows; ++r) {
            double lane[16] = {};
            for (std::size_t c = 0; c < cols; ++c)
                lane[c % 16] += static_cast<double>(to_float(Float16{w[r * cols + c]})) * static_cast<double>(x[t * cols + c]);
            for (std::size_t half = 8; half > 0; half /= 2)
                for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
            y.push_back(static_cast<float>(lane[0]));
        }
    return y;
}

template <class Float16>
void check_products(Kernels::HalfProduct* Kernels::*product, unsigned seed) {
    INFO("seed ", seed);
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    constexpr std::size_t rows = 5;
    for (std::size_t cols = 1; cols <= 100; ++cols) {
        const std::size_t tokens = 1 + cols % 4;
        std::vector<std::uint16_t> w(rows * cols);
        std::vector<float> x(tokens * cols);
        for (std::uint16_t& bits : w) {
            if constexpr (std::is_same_v<Float16, Half>) bits = to_half(value(random)).bits;
            else bits = to_bfloat16(value(random)).bits;
        }
        for (float& number : x) number = value(random);
        const std::vector<float> expected = reference<Float16>(w, rows, cols, x, tokens);
        for (const Kernels* kernels : available_kernels()) {
            INFO(kernels->arch, " ", cols, " columns");
            std::vector<float> y(tokens * rows);
            (kernels->*product)(w.data(), cols, 0, rows, x.data(), tokens, y.data(), rows);
            CHECK(y == expected);
            std::vector<float> some(tokens * rows, 7.0f);
            (kernels->*product)(w.data(), cols, 1, 3, x.data(), tokens, some.data(), rows);
            for (std::size_t i = 0; i < y.size(); ++i) CHECK(some[i] == (i % rows == 1 || i % rows == 2 ? y[i] : 7.0f));
        }
    }
}

}  // namespace

TEST_CASE("products of 16-bit weights equal plain loops on every instruction set") {
    check_products<Half>(&Kernels::half_product_f16, 41);
    check_products<BFloat16>(&Kernels::half_product_bf16, 42);
}

TEST_CASE("infinite and missing activations reach the products of 16-bit weights") {
    const std::vector<std::uint16_t> w(40, to_half(1.0f).bits);
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
        for (const std::size_t place : {0u, 39u}) {
            std::vector<float> x(40, 1.0f), y(1);
            x[place] = bad;
            best_kernels().half_product_f16(w.data(), 40, 0, 1, x.data(), 1, y.data(), 1);
            CHECK(!std::isfinite(y[0]));
        }
}
