#include <bitnet/policy/sparsity/target_fraction.hpp>

#include <doctest/doctest.h>

#include <array>

using bitnet::sparsity::TargetFraction;

namespace {
std::size_t zeros(TargetFraction sparsity, std::span<const float> w) {
    std::vector<float> scratch(w.size());
    const float keep = sparsity.keep(w, scratch);
    return static_cast<std::size_t>(std::count_if(w.begin(), w.end(), [keep](float x) { return !(std::fabs(x) >= keep); }));
}
}  // namespace

TEST_CASE("as many zeros as asked for") {
    const std::array<float, 8> w{3, -1, 4, -15, 9, 2, 6, -5};
    CHECK(zeros({.fraction = 0.0f}, w) == 0);
    CHECK(zeros({.fraction = 0.25f}, w) == 2);
    CHECK(zeros({.fraction = 0.26f}, w) == 2);
    CHECK(zeros({.fraction = 0.5f}, w) == 4);
    CHECK(zeros({.fraction = 1.0f}, w) == 8);
}

TEST_CASE("equal magnitudes at the boundary are all kept") {
    const std::array<float, 6> w{1, -2, 2, -2, 2, 3};
    CHECK(zeros({.fraction = 0.5f}, w) == 1);
}
