#include <bitnet/policy/sparsity/optimal.hpp>

#include <doctest/doctest.h>

TEST_CASE("optimal sparsity sends a tie to zero") {
    const float keep = bitnet::sparsity::Optimal{}.keep(1.0f);
    CHECK(0.5f < keep);
    CHECK(0.50000006f >= keep);
}
