#include <bitnet/backend/blas.hpp>

#include <doctest/doctest.h>

#include <random>

using bitnet::Matrix;
using bitnet::MatrixView;

namespace {

template <class T>
Matrix<T> random_matrix(std::size_t rows, std::size_t cols, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> digit(-4, 4);  // sums of few of these are exact
    Matrix<T> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (T& value : out.row(r)) value = static_cast<T>(digit(random));
    return out;
}

}  // namespace

TEST_CASE_TEMPLATE("products of parts of matrices are those of the plain loops", T, float, double) {
    const Matrix<T> a_whole = random_matrix<T>(7, 9, 1), b_whole = random_matrix<T>(8, 11, 2);
    const MatrixView<const T> a = a_whole.view().row_range(1, 5).col_range(2, 6);
    const MatrixView<const T> b = b_whole.view().col_range(3, 6), b_other = b_whole.view().row_range(1, 6);
    Matrix<T> nt(5, 8), nn(5, 11);
    nt(0, 0) = nn(0, 0) = 100;  // is replaced
    matmul_nt(a, b, nt, T(2));
    matmul_nn(a, b_other, nn);
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = 0; j < 8; ++j) {
            T sum = 0;
            for (std::size_t k = 0; k < 6; ++k) sum += a(i, k) * b(j, k);
            CHECK(nt(i, j) == 2 * sum);
        }
        for (std::size_t j = 0; j < 11; ++j) {
            T sum = 0;
            for (std::size_t k = 0; k < 6; ++k) sum += a(i, k) * b_other(k, j);
            CHECK(nn(i, j) == sum);
        }
    }
    const Matrix<T> before = nn;
    matmul_nn(a, b_other, nn, T(1), T(1));
    CHECK(nn(3, 4) == 2 * before(3, 4));
    matmul_nt(a.row_range(0, 0), b, nt.view().row_range(0, 0));  // nothing is legal
}

TEST_CASE_TEMPLATE("a product with the first factor turned is the plain loops, one result row included", T, float, double) {
    const Matrix<T> a_whole = random_matrix<T>(9, 7, 1), b_whole = random_matrix<T>(9, 11, 2);
    for (const std::size_t rows : {std::size_t{1}, std::size_t{5}}) {
        const MatrixView<const T> a = a_whole.view().col_range(2, rows), b = b_whole.view();
        Matrix<T> tn(rows, 11);
        tn(0, 0) = 10;
        matmul_tn(a, b, tn, T(2), T(1));
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < 11; ++j) {
                T sum = 0;
                for (std::size_t k = 0; k < 9; ++k) sum += a(k, i) * b(k, j);
                CHECK(tn(i, j) == 2 * sum + (i == 0 && j == 0 ? 10 : 0));
            }
    }
}

TEST_CASE("a product is counted by its multiplications, a row's too, and nothing where there is nothing") {
    const Matrix<float> a(5, 7), b(3, 7), row(1, 7), empty(0, 7);
    Matrix<float> c(5, 3), d(1, 3), none(0, 3), e(7, 7);
    const auto made = [](auto&& product) {
        const std::uint64_t before = bitnet::products_so_far();
        product();
        return bitnet::products_so_far() - before;
    };
    CHECK(made([&] { matmul_nt<float>(a.view(), b.view(), c.view()); }) == 5 * 3 * 7);
    CHECK(made([&] { matmul_nt<float>(row.view(), b.view(), d.view()); }) == 3 * 7);
    CHECK(made([&] { matmul_nt<float>(empty.view(), b.view(), none.view()); }) == 0);
    CHECK(made([&] { matmul_tn<float>(a.view(), a.view(), e.view()); }) == 7 * 7 * 5);
}
