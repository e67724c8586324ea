#include <bitnet/policy/quantizer/abs_mean.hpp>

#include <doctest/doctest.h>

using bitnet::quantizer::AbsMean;
static_assert(std::same_as<AbsMean::default_sparsity, bitnet::sparsity::Fixed>);

TEST_CASE("absmean takes the mean magnitude, and 1e-8 below it") {
    CHECK(AbsMean{}.alpha(0.25) == 0.25f);
    CHECK(AbsMean{}.alpha(1e-12) == 1e-8f);
    CHECK(bitnet::from_string<AbsMean>(bitnet::to_string(AbsMean{})) == AbsMean{});
}
