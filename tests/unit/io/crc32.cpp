#include <bitnet/io/crc32.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>

#include <support/metric_files.hpp>

using bitnet::crc32_ieee;
using bitnet::crc32c;

static_assert(crc32c("123456789") == 0xe3069283);
static_assert(crc32c("") == 0);
static_assert(crc32_ieee("123456789") == 0xcbf43926);
static_assert(crc32_ieee("") == 0);

TEST_CASE("checksums have the values that RFC 3720 gives") {
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
    std::string rising, falling;
    for (int i = 0; i < 32; ++i) rising += static_cast<char>(i), falling += static_cast<char>(31 - i);
    CHECK(crc32c(rising) == 0x46dd794e);
    CHECK(crc32c(falling) == 0x113fdb5c);
}

TEST_CASE("tables give what single bits give") {
    constexpr unsigned seed = 32;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    for (std::size_t size = 0; size < 100; ++size) {
        std::string bytes(size, '\0');
        for (char& byte : bytes) byte = static_cast<char>(random());
        CHECK(crc32_ieee(bytes) == bitnet_test::slow_crc(0xedb88320, bytes));
        CHECK(crc32c(bytes) == bitnet_test::slow_crc(0x82f63b78, bytes));
    }
}
