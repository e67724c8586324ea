#include <bitnet/metrics/protobuf_writer.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <support/metric_files.hpp>

using bitnet::ProtobufWriter;
using bitnet_test::from_hex;

TEST_CASE("every wire type has the bytes of the encoding's description") {
    CHECK(ProtobufWriter().text().empty());
    CHECK(ProtobufWriter().integer(1, 150).text() == from_hex("08 9601"));
    CHECK(ProtobufWriter().integer(1, 0).text() == from_hex("08 00"));
    CHECK(ProtobufWriter().integer(2, -2).text() == from_hex("10 feffffffffffffffff01"));
    CHECK(ProtobufWriter().bytes(2, "testing").text() == from_hex("12 07 74657374696e67"));
    CHECK(ProtobufWriter().message(3, ProtobufWriter().integer(1, 150)).text() == from_hex("1a 03 089601"));
    CHECK(ProtobufWriter().message(3, {}).text() == from_hex("1a 00"));
    CHECK(ProtobufWriter().number(1, 1700000000.0).text() == from_hex("09 00000040fc54d941"));
    CHECK(ProtobufWriter().number(2, 0.5f).text() == from_hex("15 0000003f"));
    CHECK(ProtobufWriter().bytes(16, "").text() == from_hex("8201 00"));  // a tag of two bytes
    CHECK(ProtobufWriter().integer(1, 7).bytes(2, "seven").text() == from_hex("0807 1205 736576656e"));
    CHECK(ProtobufWriter().integer((1u << 29) - 1, 1).text() == from_hex("f8ffffff0f 01"));
}

TEST_CASE("a size of two bytes is a varint too") {
    const std::string long_text(300, 'x');
    CHECK(ProtobufWriter().bytes(1, long_text).text() == from_hex("0a ac02") + long_text);
}

TEST_CASE("any message reads back the same") {
    constexpr unsigned seed = 77;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        ProtobufWriter writer;
        std::vector<bitnet_test::ProtobufField> wanted;
        std::vector<std::string> texts(8);
        for (std::string& text : texts) {
            const auto number = 1 + static_cast<std::uint32_t>(random() % (random() % 2 == 0 ? 20 : (1u << 29) - 1));
            const std::uint64_t bits = random() >> random() % 64;
            switch (random() % 4) {
                case 0:
                    writer.integer(number, static_cast<std::int64_t>(bits));
                    wanted.push_back({number, 0, bits});
                    break;
                case 1:
                    writer.number(number, std::bit_cast<double>(bits));
                    wanted.push_back({number, 1, bits});
                    break;
                case 2:
                    writer.number(number, std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
                    wanted.push_back({number, 5, bits & 0xffffffff});
                    break;
                default:
                    text.resize(random() % 400);
                    for (char& letter : text) letter = static_cast<char>(random());
                    writer.bytes(number, text);
                    wanted.push_back({number, 2, 0, text});
            }
        }
        const bitnet_test::ProtobufFields read(writer.text());
        REQUIRE(read.size() == wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            CHECK(read[i].number == wanted[i].number);
            CHECK(read[i].wire == wanted[i].wire);
            CHECK(read[i].integer == wanted[i].integer);
            CHECK(read[i].bytes == wanted[i].bytes);
        }
    }
}
