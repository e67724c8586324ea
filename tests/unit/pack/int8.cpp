#include <bitnet/pack/int8.hpp>

#include <doctest/doctest.h>

#include <array>

#include "round_trip.hpp"

using bitnet::pack::Int8;

TEST_CASE("int8 gives back every row of every length") { round_trip<Int8>(); }

TEST_CASE("an int8 byte is the code itself") {
    std::array<std::uint8_t, 3> bytes{};
    Int8::pack(std::array<std::int8_t, 3>{-1, 0, 1}, bytes);
    CHECK(bytes == std::array<std::uint8_t, 3>{0xff, 0, 1});
    int valid = 0;
    for (int byte = 0; byte < 256; ++byte) valid += Int8::valid(static_cast<std::uint8_t>(byte)) ? 1 : 0;
    CHECK(valid == 3);
}
