#include <bitnet/policy/ste/clipped.hpp>

#include <doctest/doctest.h>

using bitnet::ste::Clipped;
static_assert(bitnet::StePolicy<Clipped>);

TEST_CASE("the gradient stops beyond the reach, which is itself inside") {
    const Clipped ste{.reach = 1.5f};
    CHECK(ste.slope(0.0f, 2.0f) == 1.0f);
    CHECK(ste.slope(-3.0f, 2.0f) == 1.0f);
    CHECK(ste.slope(3.1f, 2.0f) == 0.0f);
    CHECK(ste.slope(-3.1f, 2.0f) == 0.0f);
    CHECK_THROWS_AS(bitnet::from_string<Clipped>("clipped{.reach=0.1}"), bitnet::error);
}
