#include <bitnet/core/dtype.hpp>

#include <doctest/doctest.h>

using bitnet::DType;

TEST_CASE("every type is found by its name, and its name only") {
    for (const auto& row : bitnet::dtype_table) CHECK(bitnet::dtype_named(row.name) == row.type);
    CHECK(!bitnet::dtype_named("f32"));
    CHECK(!bitnet::dtype_named("F33"));
    CHECK(bitnet::to_string(DType::BF16) == "BF16");
}

TEST_CASE("types know their bits and whether they are weights") {
    CHECK(bitnet::bits_of(DType::F4) == 4);
    CHECK(bitnet::bits_of(DType::F16) == 16);
    CHECK(bitnet::bits_of(DType::C64) == 64);
    CHECK(bitnet::is_weight_type(DType::F64));
    CHECK(!bitnet::is_weight_type(DType::I8));
    CHECK(!bitnet::is_weight_type(DType::F8_E4M3));
}
