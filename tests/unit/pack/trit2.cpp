#include <bitnet/pack/trit2.hpp>

#include <doctest/doctest.h>

#include <array>

#include "round_trip.hpp"

using bitnet::pack::Trit2;

TEST_CASE("trit2 gives back every row of every length") { round_trip<Trit2>(); }

TEST_CASE("a trit2 byte holds four codes, the first in its lowest bits") {
    constexpr std::array<std::int8_t, 6> codes{-1, 0, 1, -1, 1, 1};
    std::array<std::uint8_t, 2> bytes{};
    Trit2::pack(codes, bytes);
    CHECK(bytes[0] == 0b00'10'01'00);
    CHECK(bytes[1] == 0b01'01'10'10);  // padded with zeros, whose bits are 01
}

TEST_CASE("a trit2 byte is valid unless two bits are both set") {
    int valid = 0;
    for (int byte = 0; byte < 256; ++byte) valid += Trit2::valid(static_cast<std::uint8_t>(byte)) ? 1 : 0;
    CHECK(valid == 81);
    CHECK(!Trit2::valid(0b11));
    CHECK(!Trit2::valid(0b11'00'00'00));
    CHECK(Trit2::valid(0b01'10'01'10));
}

static_assert([] {
    std::array<std::uint8_t, 1> byte{};
    Trit2::pack(std::array<std::int8_t, 4>{0, 0, 0, 0}, byte);
    return byte[0] == 0x55;
}());
