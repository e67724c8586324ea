#include <bitnet/compress/rows_in_work.hpp>

#include <vector>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;

TEST_CASE("rows put codes into groups and give their image back, the last group shorter") {
    Random random(3);
    Matrix<float> w(2, 10);
    for (float& value : w.row(1)) value = random.normal();
    RowsInWork<1> rows(w, 4);
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
