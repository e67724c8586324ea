#include <bitnet/kernel/encode.hpp>

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

constexpr float infinity = std::numeric_limits<float>::infinity();

/// core/grid.hpp, word by word.
std::int8_t code(float w, float keep) {
    if (std::isnan(w) || w == 0 || std::abs(w) < keep || std::isnan(keep)) return 0;
    return w > 0 ? 1 : -1;
}

template <class Codec>
void check_layout(const std::vector<float>& w, const std::vector<Grid>& grids, std::size_t group) {
    std::vector<std::int8_t> q;
    for (std::size_t i = 0; i < w.size(); ++i) q.push_back(code(w[i], grids[i / group].keep));
    std::vector<std::uint8_t> expected(pack::row_bytes<Codec>(q.size()));
    Codec::template pack<void>(q, expected);
    expected.push_back(0xa7);  // stands behind the row and must not be written
    std::vector<float> shifted(w.size() + 1);
    std::copy(w.begin(), w.end(), shifted.begin() + 1);
    for (const Kernels* kernels : available_kernels()) {
        INFO(kernels->arch, ", ", Codec::name, ", ", w.size(), " weights in groups of ", group);
        std::vector<std::uint8_t> bytes(expected.size(), 0xa7);
        kernels->encode[static_cast<std::size_t>(Codec::layout)](shifted.data() + 1, w.size(), grids.data(), group,
                                                                 bytes.data());
        CHECK(bytes == expected);
    }
}

void check_row(const std::vector<float>& w, const std::vector<Grid>& grids, std::size_t group) {
    check_layout<pack::Int8>(w, grids, group);
    check_layout<pack::Trit2>(w, grids, group);
    check_layout<pack::Trit5>(w, grids, group);
}

std::vector<Grid> some_grids(std::mt19937& random, const std::vector<float>& w, std::size_t group) {
    std::vector<Grid> grids;
    for (std::size_t i = 0; i < w.size(); i += group)  // a threshold that some weight meets exactly
        grids.push_back({1, std::abs(w[i + random() % std::min(group, w.size() - i)])});
    return grids;
}

}  // namespace

TEST_CASE("rows of every length are packed as the layouts say") {
    const unsigned seed = 3;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (std::size_t n = 0; n <= 400; ++n) {
        const auto w = weights::many(random, weights::Kind::normal, n);
        check_row(w, n == 0 ? std::vector<Grid>(1) : some_grids(random, w, n), std::max<std::size_t>(n, 1));
    }
}

TEST_CASE("groups of any size have grids of their own") {
    const unsigned seed = 4;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const std::size_t group : std::to_array<std::size_t>(
             {1, 2, 3, 4, 5, 7, 8, 12, 31, 32, 33, 60, 64, 96, 100, 128, 160, 256, 320, 321, 2000}))
        for (const std::size_t n : std::to_array<std::size_t>({1, 31, 33, 64, 95, 97, 320, 321, 641, 1000, 1024})) {
            const auto w = weights::many(random, weights::Kind::quantised, n);
            check_row(w, some_grids(random, w, group), group);
        }
}

TEST_CASE("codes hold for zeros, subnormals, infinities and NaN, whatever the threshold") {
    std::vector<float> w(std::begin(weights::edges), std::end(weights::edges));
    for (const float x : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), 0.5f, -0.5f}) w.push_back(x);
    for (std::size_t i = 0; w.size() < 200; ++i) w.push_back(w[i]);  // through whole blocks and through the rest
    for (const float keep : {0.0f, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::min(), 0.5f,
                             above(0.5f), 1.0f, std::numeric_limits<float>::max(), infinity,
                             std::numeric_limits<float>::quiet_NaN()}) {
        INFO("keep ", keep);
        check_row(w, {Grid{1, keep}}, w.size());
        std::vector<std::int8_t> expected;
        for (const float x : w) expected.push_back(code(x, keep));
        for (const Kernels* kernels : available_kernels()) {
            INFO(kernels->arch);
            std::vector<std::int8_t> q(w.size(), 9);
            kernels->codes(w.data(), w.size(), keep, q.data());
            CHECK(q == expected);
        }
    }
}

TEST_CASE("codes stop at the last weight") {
    std::mt19937 random(5);
    const auto w = weights::many(random, weights::Kind::uniform, 300);
    for (std::size_t n = 0; n <= 299; ++n)
        for (const Kernels* kernels : available_kernels()) {
            INFO(kernels->arch, ", ", n, " weights");
            std::vector<std::int8_t> expected(n + 1, 9), q(n + 1, 9);
            for (std::size_t i = 0; i < n; ++i) expected[i] = code(w[i + 1], 0.4f);
            kernels->codes(w.data() + 1, n, 0.4f, q.data());
            CHECK(q == expected);
        }
}
