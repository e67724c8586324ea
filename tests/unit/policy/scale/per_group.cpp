#include <bitnet/policy/scale/per_group.hpp>

#include <doctest/doctest.h>

using bitnet::scale::PerGroup;
static_assert(bitnet::ScalePolicy<PerGroup<64>>);
static_assert(PerGroup<7>::name == "per_group<7>" && PerGroup<1024>::name == "per_group<1024>");

TEST_CASE("a group's size is part of its name") {
    CHECK(PerGroup<64>{}.group(1000) == 64);
    CHECK(bitnet::from_string<PerGroup<64>>("per_group<64>{.storage=F32}").storage == bitnet::DType::F32);
    CHECK_THROWS_WITH_AS(bitnet::from_string<PerGroup<64>>("per_group<128>{}"),
                         "per_group<64>: expected per_group<64>{...}, found \"per_group<128>{}\"", bitnet::error);
}
