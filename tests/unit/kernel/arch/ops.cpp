#include <bitnet/kernel/arch/ops.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("operations of the instruction set that this file is compiled for agree with plain loops") {
    using Ops = kernel::Ops<arch::Default>;
    using Plain = kernel::Ops<arch::Scalar>;
    float w[kernel::code_block];
    for (std::size_t i = 0; i < kernel::code_block; ++i) w[i] = static_cast<float>(i * 37 % 64) - 32.0f;
    std::int8_t q[kernel::code_block], plain_q[kernel::code_block];
    std::uint8_t bytes[kernel::code_block / 4], plain_bytes[kernel::code_block / 4];
    Ops::codes(w, 5.0f, 20.0f, q);
    Plain::codes(w, 5.0f, 20.0f, plain_q);
    CHECK(std::memcmp(q, plain_q, sizeof q) == 0);
    Ops::trit2(w, 5.0f, 20.0f, bytes);
    Plain::trit2(w, 5.0f, 20.0f, plain_bytes);
    CHECK(std::memcmp(bytes, plain_bytes, sizeof bytes) == 0);
    const auto lanes = Ops::load(w);
    float folded[kernel::code_block];
    std::memcpy(folded, w, sizeof w);
    for (std::size_t half = Ops::floats / 2; half > 0; half /= 2)
        for (std::size_t i = 0; i < half; ++i) folded[i] += folded[i + half];
    CHECK(Ops::fold(lanes) == folded[0]);
}
