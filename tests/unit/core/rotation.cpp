#include <bitnet/core/rotation.hpp>

#include <vector>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;

namespace {

std::vector<double> normal(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> out(n);
    for (double& x : out) x = static_cast<double>(random.normal());
    return out;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

}  // namespace

TEST_CASE("a rotation keeps products of vectors, and undo gives them back") {
    for (const std::size_t n : {2u, 12u, 64u, 384u}) {
        const Rotation rotation{Rotation::block_for(n), 5};
        CAPTURE(n);
        std::vector<double> a = normal(n, 1), b = normal(n, 2);
        const std::vector<double> before = a;
        const double product = dot(a, b);
        rotation.apply(std::span(a));
        rotation.apply(std::span(b));
        CHECK(a != before);
        CHECK(dot(a, b) == doctest::Approx(product).epsilon(1e-12));
        rotation.undo(std::span(a));
        for (std::size_t i = 0; i < n; ++i) CHECK(a[i] == doctest::Approx(before[i]).epsilon(1e-12));
    }
}

TEST_CASE("one large coordinate is spread over its block, and over no other") {
    std::vector<float> x(8);
    x[5] = 2;
    Rotation{4, 1}.apply(std::span(x));
    for (std::size_t i = 0; i < 4; ++i) CHECK(x[i] == 0);
    for (std::size_t i = 4; i < 8; ++i) CHECK(std::abs(x[i]) == 1);
}

TEST_CASE("signs follow from the seed, and no rotation changes nothing") {
    std::vector<float> a(128, 1), b(128, 1), c(128, 1);
    Rotation{128, 1}.apply(std::span(a));
    Rotation{128, 2}.apply(std::span(b));
    CHECK(a != b);
    Rotation{}.apply(std::span(c));
    Rotation{}.undo(std::span(c));
    CHECK(c == std::vector<float>(128, 1));
    CHECK(!Rotation{});
}

static_assert(Rotation::block_for(384) == 128);
static_assert(Rotation::block_for(4096) == 128);
static_assert(Rotation::block_for(36) == 4);
static_assert(Rotation::block_for(7) == 0);
static_assert(Rotation::block_for(0) == 0);
