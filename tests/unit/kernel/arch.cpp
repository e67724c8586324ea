#include <bitnet/kernel/arch.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

static_assert(arch::name_of<arch::Scalar> == "scalar");
static_assert(arch::name_of<xsimd::avx2> == "avx2");

TEST_CASE("what this file is compiled for runs on this machine, and plain loops run on every machine") {
    CHECK(arch::available<arch::Default>());
    CHECK(arch::available<arch::Scalar>());
}

TEST_CASE("each instruction set includes the smaller ones of its family") {
    if (arch::available<xsimd::avx512bw>()) CHECK(arch::available<xsimd::avx2>());
    if (arch::available<xsimd::avx2>()) CHECK(arch::available<xsimd::sse2>());
    CHECK(arch::available<xsimd::sse2>() != arch::available<xsimd::neon64>());
}
