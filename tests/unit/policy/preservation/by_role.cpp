#include <bitnet/policy/preservation/by_role.hpp>

#include <doctest/doctest.h>

#include <array>

using bitnet::TensorRole;
using bitnet::Treatment;
using bitnet::preservation::ByRole;

namespace {
constexpr std::array<std::size_t, 2> square{4, 4};
constexpr std::array<std::size_t, 1> vector{4};
Treatment of(ByRole policy, TensorRole role) { return policy.treatment({"w", role, square}); }
}  // namespace

TEST_CASE("matrices of the layers become ternary, the rest stays") {
    CHECK(of({}, TensorRole::attention) == Treatment::ternary);
    CHECK(of({}, TensorRole::feed_forward) == Treatment::ternary);
    CHECK(of({}, TensorRole::convolution) == Treatment::ternary);
    CHECK(of({}, TensorRole::token_embedding) == Treatment::fp16);
    CHECK(of({}, TensorRole::position_embedding) == Treatment::fp16);
    CHECK(of({}, TensorRole::lm_head) == Treatment::fp16);
    CHECK(of({}, TensorRole::norm) == Treatment::fp16);
    CHECK(of({}, TensorRole::bias) == Treatment::fp16);
    CHECK(of({}, TensorRole::unknown) == Treatment::unchanged);
}

TEST_CASE("embeddings and head become ternary when asked for") {
    CHECK(of({.embeddings = false}, TensorRole::token_embedding) == Treatment::ternary);
    CHECK(of({.embeddings = false}, TensorRole::lm_head) == Treatment::fp16);
    CHECK(of({.head = false}, TensorRole::lm_head) == Treatment::ternary);
}

TEST_CASE("8-bit rows are for matrices, vectors stay in FP16") {
    const ByRole policy{.precision = Treatment::int8_rows};
    CHECK(policy.treatment({"w", TensorRole::token_embedding, square}) == Treatment::int8_rows);
    CHECK(policy.treatment({"w", TensorRole::norm, vector}) == Treatment::fp16);
    CHECK(bitnet::from_string<ByRole>(bitnet::to_string(policy)) == policy);
    CHECK_THROWS_AS(bitnet::from_string<ByRole>("by_role{.precision=ternary}"), bitnet::error);
}
