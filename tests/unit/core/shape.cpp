#include <bitnet/core/shape.hpp>

#include <doctest/doctest.h>

using bitnet::MatrixShape;
using bitnet::Shape;

TEST_CASE("a shape prints as a tuple") {
    CHECK(bitnet::to_string(Shape{}) == "()");
    CHECK(bitnet::to_string(Shape{7}) == "(7)");
    CHECK(bitnet::to_string(Shape{3, 0, 4}) == "(3, 0, 4)");
}

TEST_CASE("elements are counted with overflow checked") {
    CHECK(bitnet::element_count(Shape{}) == 1);
    CHECK(bitnet::element_count(Shape{3, 0, 4}) == 0);
    CHECK(bitnet::element_count(Shape{3, 4}) == 12);
    const std::size_t half = std::size_t{1} << 63;
    CHECK_THROWS_WITH_AS(bitnet::element_count(Shape{half, 2}, "w"),
                         "w: 9223372036854775808 x 2 is more than a size_t can hold", bitnet::error);
}

TEST_CASE("the first axis are the rows, and a vector is one row") {
    CHECK(bitnet::matrix_shape(Shape{}) == MatrixShape{1, 1});
    CHECK(bitnet::matrix_shape(Shape{5}) == MatrixShape{1, 5});
    CHECK(bitnet::matrix_shape(Shape{2, 3, 4}) == MatrixShape{2, 12});
    CHECK(bitnet::matrix_shape(Shape{2, 0}) == MatrixShape{2, 0});
}
