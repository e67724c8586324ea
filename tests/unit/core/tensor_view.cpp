#include <bitnet/core/tensor_view.hpp>

#include <doctest/doctest.h>

#include <array>

TEST_CASE("a view names bytes that belong to somebody else") {
    const std::array<float, 6> weights{};
    const bitnet::TensorView view{"w", bitnet::DType::F32, {2, 3}, std::as_bytes(std::span(weights))};
    CHECK(view.bytes.size() == bitnet::element_count(view.shape) * bitnet::bits_of(view.dtype) / 8);
    CHECK(static_cast<const void*>(view.bytes.data()) == static_cast<const void*>(weights.data()));
}
