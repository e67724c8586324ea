#include <bitnet/policy/quantizer/least_squares.hpp>

#include <doctest/doctest.h>

#include <array>
#include <random>

namespace {

/// The least Σ(w - α·q)² over every assignment of codes.
double best_by_trying_all(std::span<const float> w) {
    double squares = 0;
    for (const float x : w) squares += static_cast<double>(x) * static_cast<double>(x);
    int assignments = 1;
    for (std::size_t i = 0; i < w.size(); ++i) assignments *= 3;
    double best = squares;
    for (int assignment = 0; assignment < assignments; ++assignment) {
        double dot = 0, ones = 0;
        for (std::size_t i = 0, rest = static_cast<std::size_t>(assignment); i < w.size(); ++i, rest /= 3) {
            const int q = static_cast<int>(rest % 3) - 1;
            dot += static_cast<double>(w[i]) * q;
            ones += q * q;
        }
        if (ones > 0 && dot > 0) best = std::min(best, squares - dot * dot / ones);
    }
    return best;
}

}  // namespace

TEST_CASE("least squares finds the best of all codes and scales") {
    constexpr unsigned seed = 5;
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const bitnet::quantizer::LeastSquares quantizer;
    for (int round = 0; round < 200; ++round) {
        std::array<float, 7> w{}, scratch{};
        for (float& x : w) x = normal(random);
        const bitnet::Grid grid = quantizer.fit(w, *bitnet::execution().kernels, scratch);
        double error = 0;
        for (const float x : w) {
            const double q = x >= grid.keep ? 1 : x <= -grid.keep ? -1 : 0;
            const double difference = static_cast<double>(x) - static_cast<double>(grid.alpha) * q;
            error += difference * difference;
        }
        REQUIRE(error == doctest::Approx(best_by_trying_all(w)).epsilon(1e-6));  // α is rounded to float
    }
}
