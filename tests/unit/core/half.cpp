#include <bitnet/core/half.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using bitnet::BFloat16;
using bitnet::Half;

namespace {

/// A binary16 by its definition: sign, exponent, mantissa.
double value_of(Half x) {
    const int exponent = (x.bits >> 10) & 31, mantissa = x.bits & 1023;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return (x.bits & 0x8000) != 0 ? -magnitude : magnitude;
}
bool is_special(std::uint16_t bits) { return (bits & 0x7c00) == 0x7c00; }

}  // namespace

static_assert(bitnet::to_half(1.0f).bits == 0x3c00 && bitnet::to_float(Half{0x3c00}) == 1.0f);

TEST_CASE("every binary16 widens to its value and narrows back to itself") {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const Half x{static_cast<std::uint16_t>(bits)};
        if (is_special(x.bits)) continue;
        REQUIRE(static_cast<double>(bitnet::to_float(x)) == value_of(x));
        REQUIRE(bitnet::to_half(bitnet::to_float(x)) == x);
    }
}

TEST_CASE("between two neighbours the nearer one is taken, and of a tie the even one") {
    for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {
        const Half low{bits}, high{static_cast<std::uint16_t>(bits + 1)};
        const float middle = static_cast<float>((value_of(low) + value_of(high)) / 2);  // exact: 11 bits and one more
        REQUIRE(bitnet::to_half(middle) == (bits % 2 == 0 ? low : high));
        REQUIRE(bitnet::to_half(std::nextafter(middle, 0.0f)) == low);
        REQUIRE(bitnet::to_half(std::nextafter(middle, 1e9f)) == high);
        REQUIRE(bitnet::to_half(-middle).bits == (0x8000 | (bits % 2 == 0 ? low : high).bits));
    }
}

TEST_CASE("65520 is the first value that overflows, and NaN stays NaN") {
    CHECK(bitnet::to_half(65519.996f).bits == 0x7bff);
    CHECK(bitnet::to_half(65520.0f).bits == 0x7c00);
    CHECK(bitnet::to_half(-std::numeric_limits<float>::infinity()).bits == 0xfc00);
    CHECK(std::isinf(bitnet::to_float(Half{0x7c00})));
    CHECK(std::isnan(bitnet::to_float(Half{0x7e01})));
    CHECK(std::isnan(bitnet::to_float(bitnet::to_half(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(bitnet::to_half(-0.0f).bits == 0x8000);
    CHECK(bitnet::to_half(1e-30f).bits == 0);
}

TEST_CASE("bfloat16 is the upper half of a float, rounded to even") {
    CHECK(bitnet::to_float(BFloat16{0x3f80}) == 1.0f);
    CHECK(bitnet::to_bfloat16(1.0f).bits == 0x3f80);
    CHECK(bitnet::to_bfloat16(std::bit_cast<float>(0x3f808000u)).bits == 0x3f80);  // a tie, even below
    CHECK(bitnet::to_bfloat16(std::bit_cast<float>(0x3f818000u)).bits == 0x3f82);  // a tie, even above
    CHECK(bitnet::to_bfloat16(std::bit_cast<float>(0x3f808001u)).bits == 0x3f81);
    CHECK(bitnet::to_bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80);
    CHECK(std::isnan(bitnet::to_float(bitnet::to_bfloat16(std::bit_cast<float>(0x7f800001u)))));
}
