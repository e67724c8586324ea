#include <bitnet/policy/preservation/by_pattern.hpp>

#include <doctest/doctest.h>

#include <array>

using bitnet::TensorRole;
using bitnet::Treatment;
using bitnet::preservation::ByPattern;

namespace {
constexpr std::array<std::size_t, 2> matrix{4, 4};
}

TEST_CASE("a pattern overrules the role, and keep wins") {
    const ByPattern policy{.keep = "layers.0.*,*.k_proj.weight", .ternary = "extra.*,layers.*"};
    CHECK(policy.treatment({"layers.0.q_proj.weight", TensorRole::attention, matrix}) == Treatment::fp16);
    CHECK(policy.treatment({"layers.1.k_proj.weight", TensorRole::attention, matrix}) == Treatment::fp16);
    CHECK(policy.treatment({"layers.1.q_proj.weight", TensorRole::attention, matrix}) == Treatment::ternary);
    CHECK(policy.treatment({"extra.head", TensorRole::unknown, matrix}) == Treatment::ternary);
    CHECK(policy.treatment({"other", TensorRole::unknown, matrix}) == Treatment::unchanged);
    CHECK(policy.treatment({"embed", TensorRole::token_embedding, matrix}) == Treatment::fp16);
    CHECK(ByPattern{.keep = "other"}.treatment({"other", TensorRole::unknown, matrix}) == Treatment::unchanged);
}

TEST_CASE("patterns survive the trip through text") {
    const ByPattern policy{.keep = "a.*, b", .ternary = "c", .precision = Treatment::bf16, .head = false};
    CHECK(bitnet::from_string<ByPattern>(bitnet::to_string(policy)) == policy);
}
