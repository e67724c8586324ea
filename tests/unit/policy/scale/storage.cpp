#include <bitnet/policy/scale/storage.hpp>

#include <doctest/doctest.h>

#include <bitnet/core/half.hpp>

using bitnet::DType;
using bitnet::scale::holds;
using bitnet::scale::stored;

TEST_CASE("a stored scale is the nearest value of its type") {
    CHECK(stored(0.1f, DType::F32) == 0.1f);
    CHECK(stored(0.1f, DType::F16) == 0.0999755859375f);
    CHECK(stored(0.1f, DType::BF16) == 0.10009765625f);
}

TEST_CASE("rounding agrees with the conversions to 16 bits and back wherever the type holds the scale") {
    for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 4093) {
        const float alpha = std::bit_cast<float>(bits);
        if (holds(DType::F16, alpha)) REQUIRE(stored(alpha, DType::F16) == bitnet::to_float(bitnet::to_half(alpha)));
        if (holds(DType::BF16, alpha)) REQUIRE(stored(alpha, DType::BF16) == bitnet::to_float(bitnet::to_bfloat16(alpha)));
    }
}

TEST_CASE("offsets of either sign are the nearest values of their type, subnormal ones too") {
    using bitnet::scale::stored_offset;
    for (const float offset : {0.0f, -0.1f, 3.14159f, -1e-6f, 1e-9f}) {
        CHECK(stored_offset(offset, DType::F32) == offset);
        CHECK(stored_offset(offset, DType::F16) == bitnet::to_float(bitnet::to_half(offset)));
        CHECK(stored_offset(offset, DType::BF16) == bitnet::to_float(bitnet::to_bfloat16(offset)));
    }
    CHECK(stored_offset(-1e6f, DType::F16) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("a type holds zero and its normal range") {
    CHECK(holds(DType::F16, 0.0f));
    CHECK(holds(DType::F16, 65504.0f));
    CHECK(holds(DType::F16, 65519.0f));  // rounds to 65504
    CHECK(!holds(DType::F16, 65520.0f));
    CHECK(holds(DType::F16, 0x1p-14f));
    CHECK(!holds(DType::F16, 0x1p-15f));
    CHECK(holds(DType::BF16, 1e-37f));
    CHECK(!holds(DType::BF16, 3.4e38f));
    CHECK(holds(DType::F32, 1e-45f));
}
