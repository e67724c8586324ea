#include <bitnet/pack/trit5.hpp>

#include <doctest/doctest.h>

#include <array>

#include "round_trip.hpp"

using bitnet::pack::Trit5;

TEST_CASE("trit5 gives back every row of every length") { round_trip<Trit5>(); }

TEST_CASE("a trit5 byte is the fraction of 243, rounded up, with the first code most significant") {
    struct Known {
        std::array<std::int8_t, 5> codes;
        std::uint8_t byte;
    };
    for (const Known& known : {Known{{-1, -1, -1, -1, -1}, 0}, Known{{-1, -1, -1, -1, 0}, 2}, Known{{0, -1, -1, -1, -1}, 86},
                               Known{{0, 0, 0, 0, 0}, 128}, Known{{1, -1, -1, -1, -1}, 171}, Known{{1, 1, 1, 1, 1}, 255}}) {
        std::array<std::uint8_t, 1> byte{};
        Trit5::pack(known.codes, byte);
        CHECK(byte[0] == known.byte);
    }
}

TEST_CASE("243 bytes are valid in trit5, each another five codes") {
    int valid = 0;
    for (int byte = 0; byte < 256; ++byte) {
        const std::array<std::uint8_t, 1> in{static_cast<std::uint8_t>(byte)};
        if (!Trit5::valid(in[0])) continue;
        ++valid;
        std::array<std::int8_t, 5> codes{};
        std::array<std::uint8_t, 1> out{};
        Trit5::unpack(in, codes);
        Trit5::pack(codes, out);
        CHECK(out == in);
    }
    CHECK(valid == 243);
}

static_assert([] {
    std::array<std::uint8_t, 1> byte{};
    Trit5::pack(std::array<std::int8_t, 1>{0}, byte);
    return byte[0] == 0x80;
}());
