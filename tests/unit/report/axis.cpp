#include <bitnet/report/axis.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace bitnet::report;

namespace {
constexpr double beyond = std::numeric_limits<double>::infinity(), unknown = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

/// What every axis must keep: from low to high, ticks inside and rising, and all values between both ends.
void check_axis(const Axis& axis, const Values& values) {
    CAPTURE(axis.low);
    CAPTURE(axis.high);
    REQUIRE(axis.low < axis.high);
    REQUIRE(axis.ticks.size() >= 2);
    CHECK(axis.ticks.size() <= 12);
    for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
        if (i > 0) CHECK(axis.ticks[i] > axis.ticks[i - 1]);
        CHECK(axis(axis.ticks[i]) >= -1e-3);
        CHECK(axis(axis.ticks[i]) <= 100.001);
    }
    for (const double value : values) {
        if (!has_place(value, axis.scaling)) continue;
        CHECK(axis(value) >= -1e-3);
        CHECK(axis(value) <= 100.001);
    }
}
}  // namespace

TEST_CASE("ticks are 1, 2 or 5 times a power of ten apart, and exact") {
    CHECK(linear_ticks(0, 1) == Values{0, 0.2, 0.4, 0.6, 0.8, 1});
    CHECK(linear_ticks(0, 0.3, 3) == Values{0, 0.1, 0.2, 0.3});
    CHECK(linear_ticks(-1.2, 1.2) == Values{-1, -0.5, 0, 0.5, 1});
    CHECK(linear_ticks(0, 1100) == Values{0, 200, 400, 600, 800, 1000});
    CHECK(linear_ticks(3e-7, 9e-7, 4) == Values{4e-7, 6e-7, 8e-7});
    CHECK(linear_ticks(2, 2).empty());
    CHECK(linear_ticks(2, 1).empty());
    CHECK(linear_ticks(unknown, 1).empty());
    CHECK(linear_ticks(0, beyond).empty());
    CHECK(linear_ticks(0, 1, 0).size() >= 2);
}

TEST_CASE("logarithmic ticks are 1, 2 and 5 in a few decades, decades in many, and linear in less than one") {
    CHECK(logarithmic_ticks(1, 100) == Values{1, 2, 5, 10, 20, 50, 100});
    CHECK(logarithmic_ticks(14, 60) == Values{20, 30, 40, 50, 60});  // 20 and 50 alone would be few
    CHECK(logarithmic_ticks(10, 1e6) == Values{10, 100, 1000, 1e4, 1e5, 1e6});
    CHECK(logarithmic_ticks(15, 2e12) == Values{100, 1e4, 1e6, 1e8, 1e10, 1e12});
    CHECK(logarithmic_ticks(1e-4, 1e-1) == Values{1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1});
    CHECK(logarithmic_ticks(1.2, 1.5) == linear_ticks(1.2, 1.5, 7));
    CHECK(logarithmic_ticks(0, 10).empty());
    CHECK(logarithmic_ticks(-1, 10).empty());
}

TEST_CASE("an axis reaches its values, whatever they are") {
    for (const Values& values : {Values{}, Values{5}, Values{0}, Values{-3, -3, -3}, Values{1, 1 + 1e-15}, Values{unknown, 2, beyond, -beyond, 7},
                                 Values{unknown}, Values{0, 1e149}, Values{-1e149, 1e149}, Values{1e-200}, Values{5e-324, 1e-300}, Values{1e300},
                                 Values{0.013, 0.27}, Values{-5, 1e6}, Values{1e9, 1e9 + 1}})
        check_axis(axis_of(values, Scaling::linear, 0, 100), values);
    for (const Values& values : {Values{}, Values{5}, Values{0}, Values{-3, 0}, Values{3, 3, 3}, Values{unknown, 2, beyond, -7}, Values{15, 1e13},
                                 Values{1e-149, 1e149}, Values{14.73, 17.5}, Values{1, 1.001}, Values{9e149}, Values{2e-150}})
        check_axis(axis_of(values, Scaling::logarithmic, 100, 0), values);
}

TEST_CASE("one point lies inside of its axis, and nothing makes an axis of its own") {
    const Values one{20}, none{};
    const Axis axis = axis_of(one, Scaling::linear, 0, 100);
    CHECK(axis(20) == doctest::Approx(50));
    CHECK(axis_of(one, Scaling::logarithmic, 0, 100)(20) == doctest::Approx(50));
    CHECK(axis_of(none, Scaling::linear, 0, 1).high == 1);
    CHECK(axis_of(none, Scaling::logarithmic, 0, 1).ticks.size() > 1);
}

TEST_CASE("places follow the values, or their logarithms") {
    const Values values{1, 100};
    const Axis up{.scaling = Scaling::logarithmic, .low = 1, .high = 100, .begin = 200, .end = 0};
    CHECK(up(10) == doctest::Approx(100));
    const Axis right{.low = -1, .high = 1, .begin = 10, .end = 20};
    CHECK(right(0) == doctest::Approx(15));
}

TEST_CASE("numbers at ticks are short") {
    CHECK(tick_text(0) == "0");
    CHECK(tick_text(0.25) == "0.25");
    CHECK(tick_text(-1.5) == "-1.5");
    CHECK(tick_text(2000) == "2000");
    CHECK(tick_text(20000) == "20k");
    CHECK(tick_text(-150000) == "-150k");
    CHECK(tick_text(2.5e6) == "2.5M");
    CHECK(tick_text(1e12) == "1T");
    CHECK(tick_text(1e15) == "1e15");
    CHECK(tick_text(1e-7) == "1e-7");
}
