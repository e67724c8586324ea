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
    for (std::size_t g = 0; g < 3; ++g) rows.set_levels(1, g, {{static_cast<float>(g + 1) / 4}, static_cast<float>(g) / 8});
    CHECK(rows.levels_of(1, 2) == Levels<1>{{0.75f}, 0.25f});
    std::vector<float> image(10);
    for (std::size_t c = 0; c < 10; ++c) {
        const float level = rows.put(1, c, rows.levels_of(1, c / 4), rows.w(1, c));
        rows.image(1, image);
        CHECK(image[c] == level);
    }
    rows.image(0, image);
    CHECK(image == std::vector<float>(10, 0.0f));
}

TEST_CASE("blocks cover all rows once, on any number of threads") {
    for (const unsigned threads : {1u, 3u}) {
        const RowsInWork<1> rows(Matrix<float>(150, 2), 2, true, threads);
        std::vector<int> seen(150);
        rows.each_block([&](std::size_t first, std::size_t last) {
            for (std::size_t r = first; r < last; ++r) ++seen[r];
        });
        CHECK(seen == std::vector<int>(150, 1));
    }
}
