#include <bitnet/core/closest.hpp>

#include <doctest/doctest.h>

#include <array>

TEST_CASE("the edit distance counts insertions, deletions and replacements") {
    CHECK(bitnet::edit_distance("", "") == 0);
    CHECK(bitnet::edit_distance("kitten", "sitting") == 3);
    CHECK(bitnet::edit_distance("", "abc") == 3);
    CHECK(bitnet::edit_distance("abc", "") == 3);
    CHECK(bitnet::edit_distance("same", "same") == 0);
}

TEST_CASE("the closest word is the first with the fewest edits") {
    constexpr std::array<std::string_view, 3> known{"seed", "device", "sparsity_threshold"};
    CHECK(bitnet::closest("sparcity_treshold", known) == "sparsity_threshold");
    CHECK(bitnet::closest("sead", known) == "seed");
    CHECK(bitnet::closest("x", {}) == "");
}
