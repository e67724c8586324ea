#include <bitnet/config/xtensor.hpp>

#include <doctest/doctest.h>

TEST_CASE("arrays, tensors, adaptors and generators of xtensor are there") {
    const xt::xtensor<float, 2> matrix{{1.0f, 2.0f}, {3.0f, 4.0f}};
    const xt::xarray<float> sum = matrix + xt::ones<float>({2, 2});
    CHECK(sum(1, 1) == 5.0f);
}
