#include <bitnet/core/rng.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

using bitnet::Random;

static_assert(std::uniform_random_bit_generator<Random>);

TEST_CASE("the words are those of SplitMix64, known from its publication") {
    Random random(1234567);
    const std::array<std::uint64_t, 5> known{6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                             4593380528125082431u, 16408922859458223821u};
    for (const std::uint64_t word : known) CHECK(random() == word);
}

TEST_CASE("normal values are the same on every machine") {
    Random random(42);
    CHECK(random.normal() == 0x1.5bd3acp+0f);
    CHECK(random.normal() == 0x1.481da4p-2f);
    CHECK(random.normal() == -0x1.55c8a2p+0f);
}

TEST_CASE("normal values have the moments and the tails of a normal distribution") {
    constexpr std::uint64_t seed = 7;
    INFO("seed ", seed);
    Random random(seed);
    constexpr int count = 1'000'000;
    double sum = 0, squares = 0, fourth = 0;
    int beyond_one = 0, beyond_three = 0;
    for (int i = 0; i < count; ++i) {
        const double z = random.normal();
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        beyond_one += std::abs(z) > 1;
        beyond_three += std::abs(z) > 3;
    }
    // Five standard errors each: 1/sqrt(n), sqrt(2/n), sqrt(96/n) + 0.031; the tails bounded by what joining costs.
    CHECK(std::abs(sum / count) < 0.005);
    CHECK(std::abs(squares / count - 1) < 0.008);
    CHECK(std::abs(fourth / count - 3) < 0.08);
    CHECK(std::abs(beyond_one / double(count) - 0.3173) < 0.003);
    CHECK(std::abs(beyond_three / double(count) - 0.0027) < 0.0004);
}

TEST_CASE("uniform values lie in [0, 1) and fill it evenly") {
    constexpr std::uint64_t seed = 11;
    INFO("seed ", seed);
    Random random(seed);
    std::array<int, 10> buckets{};
    for (int i = 0; i < 100000; ++i) {
        const double u = random.uniform();
        REQUIRE(u >= 0);
        REQUIRE(u < 1);
        ++buckets[static_cast<std::size_t>(u * 10)];
    }
    for (const int bucket : buckets) CHECK(std::abs(bucket - 10000) < 500);  // five standard deviations
}

TEST_CASE("below reaches every value under its bound and no other") {
    constexpr std::uint64_t seed = 13;
    INFO("seed ", seed);
    Random random(seed);
    std::array<int, 6> faces{};
    for (int i = 0; i < 60000; ++i) ++faces.at(random.below(6));
    for (const int face : faces) CHECK(std::abs(face - 10000) < 460);  // five standard deviations
    CHECK(random.below(1) == 0);
    // A quarter of all words must be drawn again here; kept, they would all fall into the lowest third.
    constexpr std::uint64_t third = std::uint64_t{1} << 62;
    int low = 0;
    for (int i = 0; i < 9000; ++i) {
        const std::uint64_t value = random.below(3 * third);
        REQUIRE(value < 3 * third);
        low += value < third;
    }
    CHECK(std::abs(low - 3000) < 225);  // five standard deviations
}

TEST_CASE("seeds derived for different names are different, and the same name gives the same seed") {
    using bitnet::derived_seed;
    CHECK(derived_seed(1, "a") == derived_seed(1, "a"));
    CHECK(derived_seed(1, "a") != derived_seed(1, "b"));
    CHECK(derived_seed(1, "a") != derived_seed(2, "a"));
    CHECK(derived_seed(1, "ab") != derived_seed(1, "ba"));
    CHECK(derived_seed(1, "") != 1);
}
