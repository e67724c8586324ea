#include <bitnet/policy/sparsity/size_adaptive.hpp>

#include <doctest/doctest.h>

using bitnet::sparsity::SizeAdaptive;

TEST_CASE("the threshold follows the size class, whose upper bounds are excluded") {
    CHECK(SizeAdaptive{.parameters = 0}.threshold() == 0.05f);
    CHECK(SizeAdaptive{.parameters = 25'000'000}.threshold() == 0.05f);
    CHECK(SizeAdaptive{.parameters = 49'999'999}.threshold() == 0.05f);
    CHECK(SizeAdaptive{.parameters = 50'000'000}.threshold() == 0.10f);
    CHECK(SizeAdaptive{.parameters = 500'000'000}.threshold() == 0.15f);
    CHECK(SizeAdaptive{.parameters = 2'000'000'000}.threshold() == 0.20f);
    CHECK(SizeAdaptive{.parameters = ~std::uint64_t{0}}.threshold() == 0.20f);
    CHECK(SizeAdaptive{}.keep(2.0f) == 0.1f);
}

TEST_CASE("size classes carry their target ratios") {
    CHECK(bitnet::size_class(1).name == "tiny");
    CHECK(bitnet::size_class(1).compression_ratio == 6.0);
    CHECK(bitnet::size_class(60'000'000).compression_ratio == 8.0);
    CHECK(bitnet::size_class(600'000'000).compression_ratio == 10.0);
    CHECK(bitnet::size_class(6'000'000'000).compression_ratio == 12.0);
}

TEST_CASE("the number of parameters survives the trip through text") {
    const SizeAdaptive written{.parameters = 656'000};
    CHECK(bitnet::from_string<SizeAdaptive>(bitnet::to_string(written)) == written);
}
