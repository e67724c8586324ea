#include <bitnet/core/narrow.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

using bitnet::DType;
using bitnet::narrow;
using bitnet::narrow_to_int8;

namespace {

struct Narrowed {
    bool fits;
    std::vector<std::uint16_t> bits;
};

Narrowed narrowed(std::vector<float> values, DType type) {
    std::vector<std::byte> bytes;
    const bool fits = narrow(values, type, bytes);
    std::vector<std::uint16_t> bits(values.size());
    REQUIRE(bytes.size() == 2 * values.size());
    if (!bits.empty()) std::memcpy(bits.data(), bytes.data(), bytes.size());
    return {fits, bits};
}

}  // namespace

TEST_CASE("floats are appended as FP16, rounded to nearest and ties to even") {
    const Narrowed some = narrowed({1.0f, -2.0f, 0.0f, -0.0f, 1.0f + 0x1p-11f, 1.0f + 3 * 0x1p-11f, 0x1p-24f, 0x1p-26f},
                                   DType::F16);
    CHECK(some.fits);
    CHECK(some.bits == std::vector<std::uint16_t>{0x3c00, 0xc000, 0, 0x8000, 0x3c00, 0x3c02, 0x0001, 0});
}

TEST_CASE("FP16 ends at 65504, and what rounds beyond is told") {
    const Narrowed last = narrowed({65504.0f, 65519.0f, -65519.0f}, DType::F16);
    CHECK(last.fits);
    CHECK(last.bits == std::vector<std::uint16_t>{0x7bff, 0x7bff, 0xfbff});
    for (const float beyond : {65520.0f, -65520.0f, 3e38f}) {
        const Narrowed one = narrowed({1.0f, beyond, 1.0f}, DType::F16);
        CHECK_FALSE(one.fits);
        CHECK(one.bits == std::vector<std::uint16_t>{0x3c00, static_cast<std::uint16_t>(beyond < 0 ? 0xfc00 : 0x7c00), 0x3c00});
    }
}

TEST_CASE("bfloat16 holds every size of float but the very last") {
    const Narrowed some = narrowed({65520.0f, 1.0f, std::bit_cast<float>(0x7f7f7fffu)}, DType::BF16);
    CHECK(some.fits);
    CHECK(some.bits == std::vector<std::uint16_t>{0x4780, 0x3f80, 0x7f7f});
    CHECK_FALSE(narrowed({std::numeric_limits<float>::max()}, DType::BF16).fits);
}

TEST_CASE("F32 takes every bit as it is") {
    const std::vector<float> values{1.0f, -0.0f, 3e38f, 0x1p-149f};
    std::vector<std::byte> bytes;
    CHECK(narrow(values, DType::F32, bytes));
    REQUIRE(bytes.size() == 16);
    CHECK(std::memcmp(bytes.data(), values.data(), 16) == 0);
}

TEST_CASE("narrowed values come behind what is there already, and no values are none") {
    for (const DType type : {DType::F16, DType::BF16, DType::F32}) {
        std::vector<std::byte> bytes;
        CHECK(narrow({}, type, bytes));
        CHECK(bytes.empty());
        bytes.assign(3, std::byte{7});
        const float one = 1.0f;
        CHECK(narrow({&one, 1}, type, bytes));
        CHECK(bytes.size() == 3 + bits_of(type) / 8);
        CHECK(bytes[2] == std::byte{7});
        CHECK(bytes.back() == (type == DType::F16 ? std::byte{0x3c} : std::byte{0x3f}));
    }
}

TEST_CASE("a row of 8-bit integers reaches from -127 to 127 and shares its scale") {
    const std::array<float, 5> row{-2.54f, 0.01f, 0.03f, 1.27f, 2.54f};
    std::array<std::int8_t, 5> codes{};
    const float scale = narrow_to_int8(row, codes);
    CHECK(scale == 2.54f / 127.0f);
    CHECK(codes == std::array<std::int8_t, 5>{-127, 0, 2, 64, 127});  // 0.5 and 1.5 and 63.5 are ties, to even
}

TEST_CASE("a row of zeros has the scale 0, and an empty row too") {
    const std::array<float, 3> row{0.0f, -0.0f, 0.0f};
    std::array<std::int8_t, 3> codes{1, 2, 3};
    CHECK(narrow_to_int8(row, codes) == 0.0f);
    CHECK(codes == std::array<std::int8_t, 3>{0, 0, 0});
    CHECK(narrow_to_int8({}, {}) == 0.0f);
}

TEST_CASE("a row so small that its scale vanishes becomes zeros") {
    const std::array<float, 2> tiny{0x1p-149f, -0x1p-149f};
    std::array<std::int8_t, 2> codes{9, 9};
    CHECK(narrow_to_int8(tiny, codes) == 0.0f);
    CHECK(codes == std::array<std::int8_t, 2>{0, 0});
}

TEST_CASE("no 8-bit weight is further from its original than half a scale") {
    constexpr unsigned seed = 5;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    std::vector<float> row(1000);
    std::vector<std::int8_t> codes(row.size());
    for (int round = 0; round < 20; ++round) {
        for (float& x : row) x = value(random);
        const float scale = narrow_to_int8(row, codes);
        for (std::size_t i = 0; i < row.size(); ++i) {
            CHECK(std::fabs(row[i] - scale * static_cast<float>(codes[i])) <= 0.50001f * scale);  // and float rounding
            CHECK(codes[i] != -128);
        }
    }
}
