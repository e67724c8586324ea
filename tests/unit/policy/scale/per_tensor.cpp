#include <bitnet/policy/scale/per_tensor.hpp>

#include <doctest/doctest.h>

using bitnet::scale::PerTensor;
static_assert(bitnet::ScalePolicy<PerTensor> && PerTensor::whole_tensor);

TEST_CASE("one scale a tensor, in a type of three") {
    const PerTensor written{.storage = bitnet::DType::BF16};
    CHECK(bitnet::to_string(written) == "per_tensor{.storage=BF16}");
    CHECK(bitnet::from_string<PerTensor>(bitnet::to_string(written)) == written);
    CHECK_THROWS_WITH_AS(bitnet::from_string<PerTensor>("per_tensor{.storage=I8}"),
                         "per_tensor: storage = I8 is none of F16, BF16, F32", bitnet::error);
}
