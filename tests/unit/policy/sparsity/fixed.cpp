#include <bitnet/policy/sparsity/fixed.hpp>

#include <doctest/doctest.h>

using bitnet::sparsity::Fixed;
static_assert(Fixed{.threshold = 0.5f}.keep(2.0f) == 1.0f);

TEST_CASE("a policy survives the trip through the metadata, and a knob out of range does not") {
    const Fixed written{.threshold = 0.05f};
    CHECK(bitnet::from_string<Fixed>(bitnet::to_string(written)) == written);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Fixed>("fixed{.threshold=9}"), "fixed: threshold = 9 is outside [0, 4]",
                         bitnet::error);
}
