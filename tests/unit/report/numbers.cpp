#include <bitnet/report/numbers.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace bitnet::report;

namespace {
constexpr double infinite_number = std::numeric_limits<double>::infinity(), no_number = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("digits behind the point, commas before, and no negative zero") {
    CHECK(fixed(1902336, 0) == "1,902,336");
    CHECK(fixed(-1234.5, 2) == "-1,234.50");
    CHECK(fixed(999, 0) == "999");
    CHECK(fixed(-0.001, 2) == "0.00");
    CHECK(fixed(1e15, 2) == "1.00e15");
    CHECK(fixed(1e300, 0) == "1.00e300");
    CHECK(fixed(999e12, 0) == "999,000,000,000,000");
}

TEST_CASE("digits that count") {
    CHECK(significant(0) == "0");
    CHECK(significant(1.2571808, 4) == "1.257");
    CHECK(significant(46.0666, 4) == "46.07");
    CHECK(significant(0.012649) == "0.0126");
    CHECK(significant(-1470) == "-1,470");
    CHECK(significant(1.5e-9) == "1.50e-9");
    CHECK(significant(5e-324) == "4.94e-324");
    CHECK(significant(3.2e20) == "3.20e20");
}

TEST_CASE("shares, sizes and times have their units") {
    CHECK(percent(0.4206) == "42.06\u00a0%");
    CHECK(percent(-0.05, 0) == "-5\u00a0%");
    CHECK(bytes_text(512) == "512\u00a0bytes");
    CHECK(bytes_text(770960) == "753\u00a0KiB");
    CHECK(bytes_text(7609344) == "7.26\u00a0MiB");
    CHECK(bytes_text(8e15) == "7,276\u00a0TiB");
    CHECK(seconds_text(0) == "0\u00a0s");
    CHECK(seconds_text(0.0236) == "23.6\u00a0ms");
    CHECK(seconds_text(14.1) == "14.1\u00a0s");
    CHECK(seconds_text(182) == "3.03\u00a0min");
    CHECK(seconds_text(36000) == "10.0\u00a0h");
}

TEST_CASE("what is no finite number is said in words") {
    CHECK(fixed(infinite_number, 2) == "infinite");
    CHECK(significant(-infinite_number) == "-infinite");
    CHECK(percent(no_number) == "not a number");
    CHECK(bytes_text(infinite_number) == "infinite");
    CHECK(seconds_text(no_number) == "not a number");
    CHECK(place_text(no_number) == "0");
}

TEST_CASE("places on a drawing have a tenth of a unit, and no commas") {
    CHECK(place_text(1234.56) == "1234.6");
    CHECK(place_text(12.04) == "12");
    CHECK(place_text(-0.01) == "0");
    CHECK(place_text(1e30) == "1000000000");
}
