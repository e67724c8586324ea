#include <bitnet/compress/policy_set.hpp>

#include <doctest/doctest.h>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>

using namespace bitnet;
static_assert(count_of<Role::quantizer, scale::PerTensor, quantizer::AbsMean> == 1);
static_assert(count_of<Role::quantizer, int, quantizer::AbsMean, quantizer::RoundClip> == 2);
static_assert(std::same_as<policy_of<Role::scale, int, quantizer::AbsMean, scale::PerTensor>, scale::PerTensor>);
static_assert(std::same_as<policy_of<Role::ste, int, quantizer::AbsMean>, int>);
static_assert(std::same_as<default_sparsity<quantizer::AbsMean>, sparsity::Fixed>);
static_assert(std::same_as<default_sparsity<quantizer::RoundClip>, sparsity::Optimal>);

TEST_CASE("a given policy's value is found, another is default-constructed") {
    const std::tuple given{sparsity::Fixed{.threshold = 0.7f}};
    CHECK(value_of<sparsity::Fixed>(given).threshold == 0.7f);
    CHECK(value_of<scale::PerTensor>(given) == scale::PerTensor{});
}
