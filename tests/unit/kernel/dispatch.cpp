#include <bitnet/kernel/dispatch.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("the kernels of this machine are found by name, and the best come first") {
    REQUIRE(!available_kernels().empty());
    CHECK(&best_kernels() == available_kernels().front());
    for (const Kernels* kernels : available_kernels()) CHECK(kernels_named(kernels->arch) == kernels);
    CHECK(available_kernels().back()->arch == "scalar");
    CHECK(kernels_named("no such thing") == nullptr);
}

TEST_CASE("what is available is what the machine says it has") {
    CHECK((kernels_named("avx512bw") != nullptr) == arch::available<xsimd::avx512bw>());
    CHECK((kernels_named("avx2") != nullptr) == arch::available<xsimd::avx2>());
    CHECK((kernels_named("sse2") != nullptr) == arch::available<xsimd::sse2>());
    CHECK((kernels_named("neon64") != nullptr) == arch::available<xsimd::neon64>());
}
