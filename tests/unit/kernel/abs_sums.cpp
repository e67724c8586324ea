#include <bitnet/kernel/abs_sums.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

#include "weights.hpp"

using namespace bitnet;

namespace {

/// The stated order, written down once more and without a loop in common: lanes by index, then a tree.
double sum_in_order(const float* w, std::size_t n) {
    double sum = 0;
    for (std::size_t begin = 0; begin < n; begin += 1024) {
        const std::size_t end = std::min(n, begin + 1024);
        std::vector<float> lane(32, 0.0f);
        for (std::size_t i = begin; i < end; ++i) lane[(i - begin) % 32] += std::abs(w[i]);
        while (lane.size() > 1) {
            const std::size_t half = lane.size() / 2;
            for (std::size_t j = 0; j < half; ++j) lane[j] += lane[j + half];
            lane.resize(half);
        }
        double in_double = 0;
        for (std::size_t i = begin; i < end; ++i) in_double += std::abs(static_cast<double>(w[i]));
        sum += std::isfinite(lane[0]) ? static_cast<double>(lane[0]) : in_double;
    }
    return sum;
}

void check_sums(const std::vector<float>& w, std::size_t group) {
    for (const Kernels* kernels : available_kernels()) {
        INFO(kernels->arch, ", ", w.size(), " weights in groups of ", group);
        std::vector<float> shifted(w.size() + 1);  // four bytes past an alignment of eight
        std::copy(w.begin(), w.end(), shifted.begin() + 1);
        std::vector<double> expected;
        for (std::size_t i = 0; i < w.size(); i += group)
            expected.push_back(sum_in_order(&w[i], std::min(group, w.size() - i)));
        std::vector<double> sums(expected.size(), -1.0);
        kernels->abs_sums(shifted.data() + 1, w.size(), group, sums.data());
        CHECK(sums == expected);
    }
}

}  // namespace

TEST_CASE("sums of magnitudes are added in the stated order on every instruction set") {
    const unsigned seed = 1;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (std::size_t n = 0; n <= 200; ++n)
        check_sums(weights::many(random, weights::Kind::normal, n), std::max<std::size_t>(n, 1));
    for (const auto kind : weights::every_kind)
        for (const std::size_t group : std::to_array<std::size_t>(
                 {1, 3, 31, 32, 33, 64, 100, 128, 1000, 1024, 1025, 4096, 9999}))
            check_sums(weights::many(random, kind, 5000), group);
}

TEST_CASE("a sum of magnitudes is right to two parts in a million") {
    std::mt19937 random(2);
    const auto w = weights::many(random, weights::Kind::laplace, 100'003);
    double expected = 0;
    for (const float x : w) expected += std::abs(static_cast<double>(x));
    double sum = 0;
    best_kernels().abs_sums(w.data(), w.size(), w.size(), &sum);
    CHECK(std::abs(sum - expected) < 2e-6 * expected);
}

TEST_CASE("weights near the largest float do not overflow their sum") {
    const float most = std::numeric_limits<float>::max();
    const std::vector<float> w(3000, -most);
    for (const Kernels* kernels : available_kernels()) {
        double sum = 0;
        kernels->abs_sums(w.data(), w.size(), w.size(), &sum);
        CHECK(sum == 3000 * static_cast<double>(most));
    }
}

TEST_CASE("a sum over NaN or infinity is not finite, and the groups beside it are not touched") {
    for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()})
        for (const std::size_t place : std::to_array<std::size_t>({0, 5, 31, 32, 63}))
            for (const Kernels* kernels : available_kernels()) {
                std::vector<float> w(192, 1.0f);
                w[64 + place] = bad;
                double sums[3];
                kernels->abs_sums(w.data(), w.size(), 64, sums);
                CHECK(sums[0] == 64);
                CHECK(!std::isfinite(sums[1]));
                CHECK(sums[2] == 64);
            }
}

TEST_CASE("no weights have no sums") {
    for (const Kernels* kernels : available_kernels()) {
        double untouched = 7;
        kernels->abs_sums(nullptr, 0, 64, &untouched);
        CHECK(untouched == 7);
    }
}
