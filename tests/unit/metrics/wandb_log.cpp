#include <bitnet/metrics/wandb_log.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include <support/metric_files.hpp>

using bitnet::WandbLog;
using bitnet_test::from_hex;

namespace {

std::string some_bytes(std::size_t size, std::mt19937& random) {
    std::string out(size, '\0');
    for (char& byte : out) byte = static_cast<char>(random());
    return out;
}

/// A file of these records, which has been read back.
std::string log_of(const std::vector<std::string>& records) {
    WandbLog log;
    std::string file(WandbLog::file_header);
    for (const std::string& record : records) file += log.frame(record);
    CHECK(bitnet_test::read_wandb_log(file) == records);
    return file;
}

}  // namespace

TEST_CASE("a file begins as W&B's own") {
    // Record{num 1, header {producer "bitnet", min_consumer "0.70.0"}}
    const std::string record = from_hex("0801aa01120a100a066269746e65741206302e37302e30");
    CHECK(log_of({record}) == from_hex("3a572642e1be00 | c6440298 1700 01") + record);
}

TEST_CASE("records fill a block to its last byte, and one more begins the next") {
    std::mt19937 random(1);
    // 7 bytes of the file's header and 7 of the chunk's leave 32,754 of the first block.
    for (const std::size_t left : {0u, 1u, 6u, 7u, 8u, 13u, 14u}) {
        const std::string first = some_bytes(32'754 - left, random);
        for (const std::size_t size : {0u, 1u, 7u, 8u, 32'753u, 32'754u, 32'761u, 32'762u, 65'522u, 65'523u, 200'000u}) {
            CAPTURE(left);
            CAPTURE(size);
            const std::string file = log_of({first, some_bytes(size, random), "end"});
            if (left < 7)
                for (std::size_t i = 32'768 - left; i < 32'768; ++i) CHECK(file[i] == '\0');
        }
    }
}

TEST_CASE("where exactly seven bytes are left stands a first chunk without bytes") {
    const std::string file = log_of({std::string(32'754 - 7, 'x'), "abc"});
    CHECK(file.substr(32'768 - 7 + 4, 3) == from_hex("0000 02"));
    CHECK(file.substr(32'768 + 4, 6) == from_hex("0300 04") + "abc");
    const std::string whole = log_of({std::string(32'754 - 7, 'x'), ""});  // unless nothing follows
    CHECK(whole.substr(32'768 - 7 + 4) == from_hex("0000 01"));
}

TEST_CASE("the largest chunk takes a block by itself") {
    const std::string file = log_of({std::string(32'754, 'x'), std::string(32'761, 'y'), std::string(32'762, 'z')});
    CHECK(file.substr(32'768 + 4, 3) == from_hex("f97f 01"));
    CHECK(file.substr(2 * 32'768 + 4, 3) == from_hex("f97f 02"));
    CHECK(file.substr(3 * 32'768 + 4) == from_hex("0100 04") + "z");
}

TEST_CASE("any records read back the same") {
    constexpr unsigned seed = 4;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20; ++round) {
        std::vector<std::string> records;
        for (int i = 0; i < 30; ++i) {
            const std::size_t limit = random() % 3 == 0 ? 70'000 : random() % 2 == 0 ? 20 : 6'000;
            records.push_back(some_bytes(random() % limit, random));
        }
        log_of(records);
    }
}
