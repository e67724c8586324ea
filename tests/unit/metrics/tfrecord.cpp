#include <bitnet/metrics/tfrecord.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/metric_files.hpp>

static_assert(bitnet::tfrecord_mask(bitnet::crc32c("123456789")) == 0xc78ab0e5);
static_assert(bitnet::tfrecord_mask(0) == 0xa282ead8);

TEST_CASE("a record has the bytes that TensorBoard's own writer gives it") {
    // Event{wall_time 1700000000.0, file_version "brain.Event:2"}
    const std::string data = bitnet_test::from_hex("0900000040fc54d941 1a0d 627261696e2e4576656e743a32");
    CHECK(bitnet::tfrecord(data) == bitnet_test::from_hex("1800000000000000 a37f4b22") + data +
                                        bitnet_test::from_hex("eced8f9d"));
}

TEST_CASE("records of any size stand behind each other") {
    std::string file;
    for (const std::size_t size : {0u, 1u, 7u, 255u, 256u, 70'000u}) file += bitnet::tfrecord(std::string(size, 'x'));
    const auto records = bitnet_test::read_tfrecords(file);
    REQUIRE(records.size() == 6);
    CHECK(records[0].empty());
    CHECK(records[5] == std::string(70'000, 'x'));
}
