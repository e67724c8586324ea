#include <bitnet/core/rows.hpp>

#include <doctest/doctest.h>

#include <vector>

using bitnet::Matrix;

TEST_CASE("pieces of rows are the same for any number of threads, and every row is in one") {
    for (const unsigned threads : {1u, 3u}) {
        std::vector<int> seen(200);
        bitnet::each_piece(seen.size(), threads, [&](std::size_t first, std::size_t count) {
            CHECK(first % bitnet::piece_rows == 0);
            for (std::size_t r = first; r < first + count; ++r) ++seen[r];
        });
        bitnet::each_row(seen.size(), threads, [&](std::size_t r) { ++seen[r]; });
        CHECK(seen == std::vector<int>(200, 2));
    }
}

TEST_CASE("rows are cleared, copied and added, and what lies beside them stays") {
    Matrix<float> from(130, 2), to(130, 3);
    for (std::size_t r = 0; r < from.rows(); ++r) from(r, 0) = static_cast<float>(r), from(r, 1) = 1, to(r, 2) = 7;
    const bitnet::MatrixView<float> left = to.view().col_range(0, 2);
    bitnet::copy_rows(from, left, 2);
    bitnet::add_rows(from, left, 2);
    CHECK(to(129, 0) == 258);
    CHECK(to(64, 1) == 2);
    bitnet::clear_rows(left, 2);
    CHECK(to.row(129)[0] == 0);
    CHECK(to.row(129)[2] == 7);
}
