#include <bitnet/kernel/ternary_matrix.hpp>

#include <doctest/doctest.h>

#include "matrices.hpp"

TEST_CASE("a packed matrix knows its groups, and one scale for all of it is one group") {
    std::mt19937 random(51);
    const auto grouped = matrices::random_matrix(random, bitnet::Layout::trit2, 3, 100, 64);
    CHECK(grouped.view().group_cols() == 64);
    CHECK(grouped.view().groups() == 2);
    CHECK(grouped.view().row_scales(2) == &grouped.scales[4]);
    const auto whole = matrices::random_matrix(random, bitnet::Layout::trit2, 3, 100, 0);
    CHECK(whole.view().group_cols() == 100);
    CHECK(whole.view().groups() == 1);
    CHECK(whole.view().row_scales(2) == whole.scales.data());
    const auto wide = matrices::random_matrix(random, bitnet::Layout::trit2, 3, 100, 1000);
    CHECK(wide.view().group_cols() == 100);
    CHECK(wide.view().groups() == 1);
    CHECK(wide.view().row_scales(2) == &wide.scales[2]);
    CHECK(bitnet::TernaryMatrix{}.groups() == 0);
}
