#include <bitnet/core/half_matrix.hpp>

#include <doctest/doctest.h>

TEST_CASE("a matrix of 16-bit floats keeps bits and says what they mean") {
    const bitnet::HalfMatrix m{bitnet::DType::BF16, {2, 3, {1, 2, 3, 4, 5, 6}}};
    CHECK(m.dtype == bitnet::DType::BF16);
    CHECK(m.bits(1, 2) == 6);
    CHECK(bitnet::HalfMatrix{}.dtype == bitnet::DType::F16);
}
