#include <bitnet/policy/ste/learned_scale.hpp>

#include <doctest/doctest.h>

using bitnet::ste::LearnedScale;
static_assert(bitnet::ScaleLearningSte<LearnedScale>);
static_assert(!bitnet::BlendingSte<LearnedScale>);

TEST_CASE("weights beyond the scale stand still, and push the scale instead") {
    const LearnedScale ste;
    CHECK(ste.slope(0.0f, 2.0f) == 1.0f);
    CHECK(ste.slope(-1.9f, 2.0f) == 1.0f);
    CHECK(ste.slope(2.0f, 2.0f) == 0.0f);
    CHECK(ste.slope(-2.5f, 2.0f) == 0.0f);
    CHECK(LearnedScale{.reach = 1.5f}.slope(-2.5f, 2.0f) == 1.0f);
    CHECK(ste.scale_slope(2.0f, 2.0f) == 1.0f);
    CHECK(ste.scale_slope(-7.0f, 2.0f) == -1.0f);
    CHECK(ste.scale_slope(0.5f, 2.0f) == -0.25f);   // rounds to 0: 0 - w/s
    CHECK(ste.scale_slope(1.0f, 2.0f) == -0.5f);    // a tie goes to 0
    CHECK(ste.scale_slope(1.5f, 2.0f) == 0.25f);    // rounds to 1: 1 - w/s
    CHECK(ste.scale_slope(-1.5f, 2.0f) == -0.25f);
}

TEST_CASE("learned scales print, read back and refuse what they cannot be") {
    const LearnedScale ste{.rate = 0.5f, .reach = 2.0f};
    CHECK(bitnet::from_string<LearnedScale>(bitnet::to_string(ste)) == ste);
    CHECK_THROWS_AS(bitnet::from_string<LearnedScale>("learned_scale{.rate=0}"), bitnet::error);
    CHECK_THROWS_AS(bitnet::from_string<LearnedScale>("learned_scale{.reach=0.4}"), bitnet::error);
}
