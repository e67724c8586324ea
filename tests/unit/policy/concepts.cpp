#include <bitnet/policy/concepts.hpp>

#include <doctest/doctest.h>

#include <set>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/sparsity/target_fraction.hpp>

static_assert(bitnet::QuantizerPolicy<bitnet::quantizer::AbsMean> && bitnet::MeanQuantizer<bitnet::quantizer::AbsMean>);
static_assert(bitnet::GridQuantizer<bitnet::quantizer::LeastSquares>);
static_assert(!bitnet::QuantizerPolicy<bitnet::sparsity::Fixed>);
static_assert(bitnet::RegionSparsity<bitnet::sparsity::TargetFraction> && bitnet::ScaleSparsity<bitnet::sparsity::Fixed>);
static_assert(!bitnet::chooses_its_zeros<bitnet::quantizer::AbsMean>);
static_assert(bitnet::chooses_its_zeros<bitnet::quantizer::RoundClip>);
static_assert(bitnet::chooses_its_zeros<bitnet::quantizer::LeastSquares>);
static_assert(!bitnet::Policy<int>);

TEST_CASE("every treatment has a name of its own") {
    using bitnet::Treatment;
    std::set<std::string_view> names;
    for (const Treatment treatment : {Treatment::ternary, Treatment::fp16, Treatment::bf16, Treatment::fp32,
                                      Treatment::int8_rows, Treatment::unchanged})
        names.insert(bitnet::to_string(treatment));
    CHECK(names.size() == 6);
    CHECK(bitnet::to_string(static_cast<Treatment>(99)) == "unchanged");
}
