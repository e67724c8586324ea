#include <bitnet/kernel/distortion_sums.hpp>

#include <doctest/doctest.h>

using bitnet::DistortionSums;

TEST_CASE("distortion sums add up, and the largest error of two parts is the larger one") {
    DistortionSums sums;
    sums += {1, 2, 3, 4, 5};
    sums += {10, 20, 30, 40, 4};
    CHECK(sums == DistortionSums{11, 22, 33, 44, 5});
}
