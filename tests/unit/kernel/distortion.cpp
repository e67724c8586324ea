#include <bitnet/kernel/distortion.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

#include "weights.hpp"

using namespace bitnet;

namespace {

/// The stated order: eight lanes by index from the start of the row, then a tree.
double in_lanes(const std::vector<double>& terms) {
    std::vector<double> lane(8, 0.0);
    for (std::size_t i = 0; i < terms.size(); ++i) lane[i % 8] += terms[i];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace

TEST_CASE("distortion is added in the stated order on every instruction set") {
    const unsigned seed = 9;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const auto kind : {weights::Kind::normal, weights::Kind::laplace, weights::Kind::subnormal})
        for (const std::size_t n : std::to_array<std::size_t>({0, 1, 7, 8, 9, 63, 64, 255, 256, 257, 1000, 4096}))
            for (const std::size_t group : std::to_array<std::size_t>({1, 5, 8, 64, 128, 5000})) {
                auto w = weights::many(random, kind, n + 1);
                std::vector<std::int8_t> q(n);
                for (auto& code : q) code = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
                const auto alphas = weights::many(random, kind, n / group + 1);
                std::vector<double> weight, error, product, level;
                double largest = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    const float y = alphas[i / group] * static_cast<float>(q[i]);
                    const double x = w[i + 1], e = w[i + 1] - y;
                    weight.push_back(x * x);
                    error.push_back(e * e);
                    product.push_back(x * static_cast<double>(y));
                    level.push_back(static_cast<double>(y) * static_cast<double>(y));
                    largest = std::max(largest, std::abs(e));
                }
                for (const Kernels* kernels : available_kernels()) {
                    INFO(kernels->arch, ", ", n, " weights in groups of ", group);
                    DistortionSums sums;
                    kernels->distortion(w.data() + 1, q.data(), alphas.data(), n, group, &sums);
                    CHECK(sums.weights == in_lanes(weight));
                    CHECK(sums.errors == in_lanes(error));
                    CHECK(sums.products == in_lanes(product));
                    CHECK(sums.levels == in_lanes(level));
                    CHECK(sums.largest_error == largest);
                }
            }
}

TEST_CASE("distortion of weights that are levels is zero") {
    const std::vector<float> w{0.5f, -0.5f, 0.0f, 2.0f};
    const std::vector<std::int8_t> q{1, -1, 0, 1};
    const float alphas[] = {0.5f, 2.0f};
    for (const Kernels* kernels : available_kernels()) {
        DistortionSums sums;
        kernels->distortion(w.data(), q.data(), alphas, 4, 2, &sums);
        CHECK(sums == DistortionSums{4.5, 0, 4.5, 4.5, 0});
    }
}
