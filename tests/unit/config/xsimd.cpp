#include <bitnet/config/xsimd.hpp>

#include <doctest/doctest.h>

TEST_CASE("batches of xsimd are there") {
    const xsimd::batch<float> ones(1.0f);
    CHECK((ones + ones).get(0) == 2.0f);
}
