#include <bitnet/core/matrix.hpp>

#include <doctest/doctest.h>

#include <vector>

using bitnet::Matrix;
using bitnet::MatrixView;

TEST_CASE("a part of a matrix is a view with the stride of the whole") {
    Matrix<float> m(3, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    const MatrixView<float> part = m.view().row_range(1, 2).col_range(2, 2);
    CHECK(part.rows == 2);
    CHECK(part.cols == 2);
    CHECK(part.stride == 4);
    CHECK(part(0, 0) == 6);
    CHECK(part.row(1)[1] == 11);
    part(1, 0) = -1;
    CHECK(m(2, 2) == -1);
    const MatrixView<const float> reading = part;
    CHECK(reading(1, 0) == -1);
}

TEST_CASE("rows that a matrix grows by are zero, and those before stay") {
    Matrix<double> m(1, 2, {1, 2});
    m.resize_rows(3);
    CHECK(m.values() == std::vector<double>{1, 2, 0, 0, 0, 0});
    m.resize_rows(1);
    CHECK(m.values() == std::vector<double>{1, 2});
    CHECK(Matrix<float>(2, 3).values() == std::vector<float>(6));
}

TEST_CASE("a scratch matrix is as large as asked for, and so are its first rows") {
    const bitnet::Scratch<float> scratch(3, 4);
    scratch.view()(2, 3) = 5;
    CHECK(scratch.view().rows == 3);
    CHECK(scratch.rows(2).rows == 2);
    CHECK(scratch.rows(3)(2, 3) == 5);
    CHECK(bitnet::Scratch<float>(0, 4).view().rows == 0);
}
