#include <bitnet/core/grid.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>

static_assert(bitnet::above(1.0f) > 1.0f);

TEST_CASE("above is the next float") {
    for (const float x : {0.0f, 1e-45f, 1e-38f, 0.1f, 1.0f, 65504.0f})
        CHECK(bitnet::above(x) == std::nextafter(x, std::numeric_limits<float>::infinity()));
}

TEST_CASE("to the nearest level, a tie goes to zero") {
    const float keep = bitnet::nearest_keep(2.0f);
    CHECK(1.0f < keep);
    CHECK(std::nextafter(1.0f, 2.0f) >= keep);
}

TEST_CASE("the default grid keeps nothing") {
    CHECK(bitnet::Grid{}.alpha == 0.0f);
    CHECK(std::isinf(bitnet::Grid{}.keep));
}
