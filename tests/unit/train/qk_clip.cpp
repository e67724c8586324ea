#include <bitnet/train/qk_clip.hpp>

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("scores above the most shrink to it, those of other heads stay, for keys of one head and of several") {
    const std::vector<float> largest{10, 40, 60, 5};
    const bitnet::QkFactors alone = bitnet::qk_clip(largest, 4, 30);
    for (std::size_t h = 0; h < 4; ++h) {
        const double score = static_cast<double>(largest[h] * alone.queries[h] * alone.keys[h]);
        CHECK(score == doctest::Approx(std::min(30.0, static_cast<double>(largest[h]))));
        CHECK(static_cast<double>(alone.queries[h]) == doctest::Approx(static_cast<double>(alone.keys[h])));
    }
    const bitnet::QkFactors grouped = bitnet::qk_clip(largest, 2, 30);
    for (std::size_t h = 0; h < 4; ++h)
        CHECK(static_cast<double>(largest[h] * grouped.queries[h] * grouped.keys[h / 2]) == doctest::Approx(std::min(30.0, static_cast<double>(largest[h]))));
    CHECK(grouped.queries[0] > 1);  // its keys shrank for the other head's sake
    const bitnet::QkFactors nothing = bitnet::qk_clip(largest, 2, 100);
    CHECK(nothing.queries == std::vector<float>(4, 1.0f));
    CHECK(nothing.keys == std::vector<float>(2, 1.0f));
    CHECK_THROWS_AS(bitnet::qk_clip(largest, 2, 0), bitnet::error);
}
