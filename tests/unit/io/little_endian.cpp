#include <bitnet/io/little_endian.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>

TEST_CASE("an integer is read from any offset, its lowest byte first") {
    constexpr std::array bytes{std::byte{0xff}, std::byte{0x01}, std::byte{0x02}, std::byte{0x03}, std::byte{0x84},
                               std::byte{0x05}, std::byte{0x06}, std::byte{0x07}, std::byte{0x88}};
    static_assert(bitnet::little_endian<std::uint8_t>(bytes) == 0xff);
    static_assert(bitnet::little_endian<std::uint16_t>(bytes, 3) == 0x8403);
    static_assert(bitnet::little_endian<std::uint32_t>(bytes, 1) == 0x84030201u);
    CHECK(bitnet::little_endian<std::uint64_t>(bytes, 1) == 0x8807060584030201u);
}
