#include <bitnet/gate/compression_quality.hpp>

#include <doctest/doctest.h>

#include <limits>

using bitnet::error;
using bitnet::validate_compression_quality;

TEST_CASE("a perplexity may rise by the share that is allowed and no further") {
    CHECK(validate_compression_quality(16, 17, 0.0625).valid);
    CHECK(validate_compression_quality(16, 17, 0.0625).degradation == 0.0625);
    CHECK_FALSE(validate_compression_quality(16, 17.01, 0.0625).valid);
    CHECK(validate_compression_quality(12, 13).valid);
    CHECK_FALSE(validate_compression_quality(12, 13.5).valid);
    CHECK(validate_compression_quality(12, 6, 0).degradation == -0.5);
    CHECK(validate_compression_quality(12, 6, 0).valid);
}

TEST_CASE("a perplexity that is not finite is no quality, and limits have a range") {
    CHECK_FALSE(validate_compression_quality(12, std::numeric_limits<double>::quiet_NaN(), 0.5).valid);
    CHECK_FALSE(validate_compression_quality(12, std::numeric_limits<double>::infinity(), 0.5).valid);
    CHECK_THROWS_WITH_AS(validate_compression_quality(0, 12), "an original's perplexity of 0: at least 1", error);
    CHECK_THROWS_WITH_AS(validate_compression_quality(12, 12, 1.5), "max_accuracy_drop = 1.5 is outside [0, 0.5]", error);
}
