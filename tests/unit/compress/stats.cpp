#include <bitnet/compress/stats.hpp>

#include <bitnet/compress.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace bitnet;

TEST_CASE("a ratio is of sizes in the same unit, and nothing over nothing is none") {
    CHECK(to_mb(12 << 20) == 12);
    CHECK(to_mb(0) == 0);
    CHECK(calculate_compression_ratio(95, 11.875) == 8);
    CHECK(calculate_compression_ratio(0, 1) == 0);
    CHECK_THROWS_WITH_AS(calculate_compression_ratio(95, 0), "a compression ratio of 95 MB over 0 MB: the first is at least 0, the second above 0",
                         error);
    CHECK_THROWS_AS(calculate_compression_ratio(-1, 1), error);
    CHECK_THROWS_AS(calculate_compression_ratio(std::numeric_limits<double>::quiet_NaN(), 1), error);
}

TEST_CASE("zeros are counted in every layout, without those that fill up a row, and in all planes") {
    const xt::xarray<float> weight{{1, 0, -1, 0, 1}, {0, 0, 2, -2, 2}, {0, 0, 0, 0, 0}};
    CHECK(calculate_sparsity_ratio(Compressor{quantizer::AbsMean{}, pack::Int8{}}.compress(weight)) == doctest::Approx(9.0 / 15));
    CHECK(calculate_sparsity_ratio(Compressor{quantizer::AbsMean{}, pack::Trit2{}}.compress(weight)) == doctest::Approx(9.0 / 15));
    TernaryPlanes planes = Compressor{quantizer::AbsMean{}, pack::Trit5{}}.compress(weight);
    CHECK(calculate_sparsity_ratio(planes) == doctest::Approx(9.0 / 15));
    planes.planes.push_back(Compressor{quantizer::AbsMean{}, pack::Trit5{}}.compress(xt::zeros<float>({3, 5})));
    CHECK(calculate_sparsity_ratio(planes) == doctest::Approx(24.0 / 30));
    CHECK(calculate_sparsity_ratio(Compressor<>{}.compress(xt::xarray<float>::from_shape({0, 4}))) == 0);
}

TEST_CASE("a speedup is predicted from bytes and bandwidth, and what compression does not touch holds it back") {
    const SpeedAssumptions memory_alone{.original_bytes = 100e6, .compressed_bytes = 12.5e6, .bytes_per_second = 10e9};
    CHECK(predict_speedup(memory_alone) == doctest::Approx(8));
    SpeedAssumptions more = memory_alone;
    more.other_seconds = 0.01;  // as long as the original's bytes take
    CHECK(predict_speedup(more) == doctest::Approx(0.02 / 0.01125));
    SpeedAssumptions wrong = memory_alone;
    wrong.bytes_per_second = 0;
    CHECK_THROWS_WITH_AS(predict_speedup(wrong),
                         "a prediction of speed from 1e+08 and 12500000 bytes at 0 bytes a second: each is above 0", error);
    wrong = memory_alone;
    wrong.other_seconds = -1;
    CHECK_THROWS_WITH_AS(predict_speedup(wrong), "a prediction of speed with -1 other seconds: at least 0", error);
}
