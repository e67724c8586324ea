#include <bitnet/kernel/least_squares.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

#include "weights.hpp"

using namespace bitnet;

namespace {

struct Optimum {
    Grid grid;
    double gain = 0;  // S_k²/k
};

/// The definition: sort everything, prefix sums in double, the first k that is best.
Optimum sorted_optimum(std::vector<float> w) {
    for (float& x : w) x = std::abs(x);
    std::sort(w.begin(), w.end(), std::greater<>());
    Optimum best;
    double sum = 0;
    for (std::size_t k = 1; k <= w.size(); ++k) {
        sum += static_cast<double>(w[k - 1]);
        const double gain = sum * (sum / static_cast<double>(k));
        if (gain <= best.gain) continue;
        const float alpha = static_cast<float>(sum / static_cast<double>(k));
        best = {{alpha, nearest_keep(alpha)}, gain};
    }
    return best;
}

double gain_of(const std::vector<float>& w, Grid grid) {
    double sum = 0, count = 0;
    for (const float x : w)
        if (std::abs(x) >= grid.keep) {
            sum += std::abs(static_cast<double>(x));
            ++count;
        }
    return count > 0 ? sum * (sum / count) : 0;
}

/// Bit for bit, unless two optima are nearer to each other than sums in double can tell.
void check_optimum(const std::vector<float>& w) {
    const Optimum expected = sorted_optimum(w);
    const Grid scalar = [&] {
        std::vector<float> scratch(w.size());
        return kernels_named("scalar")->least_squares(w.data(), w.size(), scratch.data());
    }();
    if (!(scalar == expected.grid)) {
        INFO(w.size(), " weights, alpha ", scalar.alpha, " instead of ", expected.grid.alpha);
        CHECK(std::abs(gain_of(w, scalar) - expected.gain) <= 1e-12 * expected.gain);
    }
    std::vector<float> shifted(w.size() + 1), scratch(w.size() + 1);
    std::copy(w.begin(), w.end(), shifted.begin() + 1);
    for (const Kernels* kernels : available_kernels()) {
        const Grid grid = kernels->least_squares(shifted.data() + 1, w.size(), scratch.data() + 1);
        if (grid == scalar) continue;
        INFO(kernels->arch, ", ", w.size(), " weights, alpha ", grid.alpha, " instead of ", scalar.alpha);
        CHECK(grid == scalar);
    }
}

}  // namespace

TEST_CASE("least squares finds what sorting finds, in short regions of every kind") {
    const unsigned seed = 10;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const auto kind : weights::every_kind)
        for (int trial = 0; trial < 4000; ++trial) check_optimum(weights::many(random, kind, random() % 300 + 1));
}

TEST_CASE("least squares finds what sorting finds, in long regions of every kind") {
    const unsigned seed = 11;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const auto kind : weights::every_kind)
        for (const std::size_t n : std::to_array<std::size_t>({1000, 1023, 1024, 1025, 4096, 11008, 100'000}))
            check_optimum(weights::many(random, kind, n));
}

TEST_CASE("least squares beats all codes of seven weights") {
    const unsigned seed = 12;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (int trial = 0; trial < 100; ++trial) {
        const auto w = weights::many(random, weights::Kind::normal, 7);
        double most = 0;
        for (int number = 0; number < 2187; ++number) {
            double product = 0, squares = 0;
            for (int i = 0, digits = number; i < 7; ++i, digits /= 3) {
                product += static_cast<double>(w[static_cast<std::size_t>(i)]) * (digits % 3 - 1);
                squares += digits % 3 != 1;
            }
            if (squares > 0 && product > 0) most = std::max(most, product * product / squares);
        }
        float scratch[7];
        const Grid grid = best_kernels().least_squares(w.data(), 7, scratch);
        CHECK(gain_of(w, grid) == doctest::Approx(most).epsilon(1e-12));
    }
}

TEST_CASE("equal weights, one weight and outliers have the grid one would say") {
    check_optimum({3.0f});
    check_optimum(std::vector<float>(1000, -0.25f));
    check_optimum({1.0f, 0.5f});                  // the second lies on half of the first: better kept
    check_optimum({1.0f, 0.375f});
    check_optimum({1e30f, 1.0f, 1.0f, 1.0f});     // one weight alone
    check_optimum({0.0f, 0.0f, -2.0f, 0.0f});
    std::vector<float> steps;                     // c = mean(|w| > c)/2 at every step: no threshold can be excluded
    for (float x = 1; x < 1e6f; x *= 1.0005f) steps.push_back(x);
    check_optimum(steps);
    check_optimum({std::begin(weights::edges), std::end(weights::edges)});
}

TEST_CASE("of two supports that are equally good, the smaller one is taken") {
    const std::vector<float> w{1, -1, 3, 1};  // 3²/1 = 6²/4
    float scratch[4];
    for (const Kernels* kernels : available_kernels())
        CHECK(kernels->least_squares(w.data(), 4, scratch) == Grid{3, above(1.5f)});
}

TEST_CASE("least squares of zeros, or of nothing, is the empty grid") {
    float scratch[100];
    const std::vector<float> zeros(100, -0.0f);
    for (const Kernels* kernels : available_kernels()) {
        CHECK(kernels->least_squares(zeros.data(), 100, scratch) == Grid{});
        CHECK(kernels->least_squares(nullptr, 0, scratch) == Grid{});
    }
}

TEST_CASE("least squares survives NaN and infinity, which callers refuse beforehand") {
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
        for (const std::size_t n : std::to_array<std::size_t>({3, 50, 5000})) {
            std::vector<float> w(n, 0.5f), scratch(n + 1, 9.0f);
            for (std::size_t i = 0; i < n; i += 3) w[i] = bad;
            for (const Kernels* kernels : available_kernels()) kernels->least_squares(w.data(), n, scratch.data());
            CHECK(scratch[n] == 9.0f);
        }
}
