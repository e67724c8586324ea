#include <bitnet/pipeline/report.hpp>

#include <doctest/doctest.h>

using bitnet::CompressionStats;
using bitnet::Distortion;
using bitnet::TensorReport;
using bitnet::Treatment;

TEST_CASE("bits a weight are the stored bits over the elements, and none of an empty tensor") {
    CHECK(TensorReport{.shape = {4, 10}, .stored_bytes = 10}.bits_per_weight() == 2.0);
    CHECK(TensorReport{.shape = {}, .stored_bytes = 2}.bits_per_weight() == 16.0);
    CHECK(TensorReport{.shape = {0, 10}, .stored_bytes = 0}.bits_per_weight() == 0.0);
}

TEST_CASE("sums go over all tensors, and shares over the ternary ones") {
    CompressionStats stats;
    Distortion first, second;
    first.codes = {10, 70, 20};
    second.codes = {50, 0, 50};
    stats.tensors.push_back({.name = "a", .treatment = Treatment::ternary, .parameters = 100, .distortion = first});
    stats.tensors.push_back({.name = "b", .treatment = Treatment::ternary, .parameters = 100, .distortion = second});
    stats.tensors.push_back({.name = "c", .treatment = Treatment::fp16, .parameters = 30});
    stats.tensors.push_back({.name = "d", .treatment = Treatment::unchanged, .parameters = 5});
    stats.original_bytes = 940;
    stats.quantized_bytes = 94;
    CHECK(stats.layers_quantized() == 2);
    CHECK(stats.layers_preserved() == 2);
    CHECK(stats.total_params() == 235);
    CHECK(stats.quantized_params() == 200);
    CHECK(stats.distortion().codes == std::array<std::uint64_t, 3>{60, 70, 70});
    CHECK(stats.sparsity_ratio() == 0.35);
    CHECK(stats.compression_ratio() == 10.0);
}

TEST_CASE("a model of nothing has figures too") {
    const CompressionStats stats;
    CHECK(stats.layers_quantized() == 0);
    CHECK(stats.total_params() == 0);
    CHECK(stats.sparsity_ratio() == 0.0);
    CHECK(stats.compression_ratio() == 0.0);
}
