#include <bitnet/policy/ste/identity.hpp>

#include <doctest/doctest.h>

static_assert(bitnet::StePolicy<bitnet::ste::Identity>);

TEST_CASE("the identity passes every gradient") { CHECK(bitnet::ste::Identity{}.slope(1e6f, 1.0f) == 1.0f); }
