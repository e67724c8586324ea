#include <bitnet/policy/ste/progressive.hpp>

#include <doctest/doctest.h>

using bitnet::ste::Progressive;
static_assert(bitnet::BlendingSte<Progressive>);
static_assert(!bitnet::ScaleLearningSte<Progressive>);

TEST_CASE("the ternary share grows evenly and is whole at the end of its ramp") {
    const Progressive ste{.ramp = 0.5f};
    CHECK(ste.blend(0) == 0.0f);
    CHECK(ste.blend(0.125) == 0.25f);
    CHECK(ste.blend(0.5) == 1.0f);
    CHECK(ste.blend(1) == 1.0f);
    CHECK(ste.slope(5.0f, 0.1f) == 1.0f);
    CHECK_THROWS_AS(bitnet::from_string<Progressive>("progressive{.ramp=0}"), bitnet::error);
}
