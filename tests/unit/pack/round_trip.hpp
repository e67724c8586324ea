/// What every layout must do.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/pack/layout.hpp>

/// Random rows of 0 to 130 codes come back; every byte is valid; bytes beyond the row are not touched; the places that
/// no code fills hold zeros.
template <class L>
void round_trip() {
    constexpr unsigned seed = 20;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (std::size_t n = 0; n <= 130; ++n) {
        std::vector<std::int8_t> codes(n), back(n, 9);
        for (std::int8_t& code : codes) code = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
        const std::size_t bytes_in_row = bitnet::pack::row_bytes<L>(n);
        std::vector<std::uint8_t> bytes(bytes_in_row + 1, 0xab);
        L::pack(codes, std::span(bytes).first(bytes_in_row));
        L::unpack(std::span<const std::uint8_t>(bytes).first(bytes_in_row), back);
        REQUIRE(back == codes);
        REQUIRE(bytes.back() == 0xab);
        for (std::size_t i = 0; i < bytes_in_row; ++i) REQUIRE(L::valid(bytes[i]));

        std::vector<std::int8_t> whole(bytes_in_row * L::codes_per_byte, 9);
        L::unpack(std::span<const std::uint8_t>(bytes).first(bytes_in_row), whole);
        for (std::size_t i = n; i < whole.size(); ++i) REQUIRE(whole[i] == 0);
    }
}
