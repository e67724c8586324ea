#include <bitnet/policy/quantizer/round_clip.hpp>

#include <doctest/doctest.h>

using bitnet::quantizer::RoundClip;

TEST_CASE("round-clip takes the mean magnitude, and 1e-5 below it") {
    CHECK(RoundClip{}.alpha(0.25) == 0.25f);
    CHECK(RoundClip{}.alpha(1e-7) == 1e-5f);
}
