#include <bitnet/calibrate/rows_in_work.hpp>

#include "cases.hpp"

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("a weight takes the nearest level, and a tie goes to zero") {
    std::array<std::int8_t, 1> code{};
    for (const auto& [w, level] : {std::pair{0.0f, 0.0f}, {0.25f, 0.0f}, {-0.25f, 0.0f}, {0.2500001f, 0.5f}, {-0.3f, -0.5f}, {9.0f, 0.5f}}) {
        CHECK(nearest_level<1>({0.5f}, w, code) == level);
        CHECK(static_cast<float>(code[0]) * 0.5f == level);
    }
    CHECK(nearest_level<1>({0.0f}, 3.0f, code) == 0);
    CHECK(code[0] == 0);
}

TEST_CASE("of two planes' nine levels a weight takes the nearest, whatever the planes' scales") {
    Random random(1);
    for (int i = 0; i < 2000; ++i) {
        const std::array<float, 2> scales{std::abs(random.normal()), std::abs(random.normal())};
        const float w = 2 * random.normal();
        std::array<std::int8_t, 2> codes{};
        const float level = nearest_level<2>(scales, w, codes);
        CHECK(level == scales[0] * static_cast<float>(codes[0]) + scales[1] * static_cast<float>(codes[1]));
        for (const float a : {-1.0f, 0.0f, 1.0f})
            for (const float b : {-1.0f, 0.0f, 1.0f}) CHECK(std::abs(w - level) <= std::abs(w - (scales[0] * a + scales[1] * b)));
    }
}

TEST_CASE("rows put codes into groups and give their image back, the last group shorter") {
    RowsInWork<1> rows(bitnet_test::normal_matrix(2, 10, 3), 4);
    REQUIRE(rows.groups() == 3);
    CHECK(rows.columns(2) == std::pair<std::size_t, std::size_t>{8, 10});
    for (std::size_t g = 0; g < 3; ++g) rows.scales[0](1, g) = static_cast<float>(g + 1) / 4;
    std::vector<float> image(10);
    for (std::size_t c = 0; c < 10; ++c) {
        const float level = rows.put(1, c, rows.scales_of(1, c / 4), rows.w(1, c));
        rows.image(1, image);
        CHECK(image[c] == level);
    }
    rows.image(0, image);
    CHECK(image == std::vector<float>(10, 0.0f));
}
