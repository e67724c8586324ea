#include <bitnet/core/levels.hpp>

#include <utility>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;

TEST_CASE("a weight takes the nearest level, and a tie goes to zero") {
    std::array<std::int8_t, 1> code{};
    for (const auto& [w, level] : {std::pair{0.0f, 0.0f}, {0.25f, 0.0f}, {-0.25f, 0.0f}, {0.2500001f, 0.5f}, {-0.3f, -0.5f}, {9.0f, 0.5f}}) {
        CHECK(nearest_level<1>({0.5f}, w, code) == level);
        CHECK(static_cast<float>(code[0]) * 0.5f == level);
    }
    CHECK(nearest_level<1>({0.0f}, 3.0f, code) == 0);
    CHECK(code[0] == 0);
    CHECK(Levels<1>{{0.5f}, 2.0f}.nearest(1.7f, code) == 1.5f);
    CHECK(code[0] == -1);
    CHECK(Levels<1>{{0.5f}, 2.0f}.nearest(2.25f, code) == 2.0f);
}

TEST_CASE("of two planes' nine levels a weight takes the nearest, whatever the planes' scales") {
    Random random(1);
    for (int i = 0; i < 2000; ++i) {
        const std::array<float, 2> scales{std::abs(random.normal()), std::abs(random.normal())};
        const float w = 2 * random.normal();
        std::array<std::int8_t, 2> codes{};
        const float level = nearest_level<2>(scales, w, codes);
        CHECK(level == scales[0] * static_cast<float>(codes[0]) + scales[1] * static_cast<float>(codes[1]));
        for (const float a : {-1.0f, 0.0f, 1.0f})
            for (const float b : {-1.0f, 0.0f, 1.0f}) CHECK(std::abs(w - level) <= std::abs(w - (scales[0] * a + scales[1] * b)));
    }
}
