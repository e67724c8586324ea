#include <bitnet/core/lane_sum.hpp>

#include <doctest/doctest.h>

TEST_CASE("a sum in lanes holds every term once, at every length around the lanes") {
    for (std::size_t count = 0; count < 40; ++count)
        CHECK(bitnet::lane_sum<double>(count, [](std::size_t i) { return static_cast<double>(i + 1); }) ==
              static_cast<double>(count * (count + 1) / 2));
}
