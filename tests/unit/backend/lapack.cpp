#include <bitnet/backend/lapack.hpp>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;

namespace {

Matrix<double> positive_definite(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    Matrix<double> x(n + 3, n), out(n, n);
    for (std::size_t r = 0; r < x.rows(); ++r)
        for (double& value : x.row(r)) value = random.normal();
    matmul_tn<double>(x, x, out);
    return out;
}

}  // namespace

TEST_CASE("a Cholesky factor times itself is the matrix, and its inverse undoes it") {
    for (const std::size_t n : {1u, 2u, 7u, 40u}) {
        const Matrix<double> a = positive_definite(n, n);
        Matrix<double> l = a;
        REQUIRE(cholesky(l));
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t c = r + 1; c < n; ++c) CHECK(l(r, c) == a(r, c));  // not touched
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t c = r + 1; c < n; ++c) l(r, c) = 0;
        Matrix<double> product(n, n), inverse = l;
        matmul_nt<double>(l, l, product);
        for (std::size_t i = 0; i < n * n; ++i) CHECK(product.values()[i] == doctest::Approx(a.values()[i]).epsilon(1e-10));
        invert_lower(inverse);
        matmul_nn<double>(l, inverse, product);
        for (std::size_t r = 0; r < n; ++r)
            for (std::size_t c = 0; c < n; ++c) CHECK(std::abs(product(r, c) - (r == c ? 1 : 0)) < 1e-10);
    }
}

TEST_CASE("rows are solved for") {
    const std::size_t n = 11;
    const Matrix<double> a = positive_definite(n, 5), wanted = positive_definite(n, 6);
    Matrix<double> l = a, x(n, n);
    REQUIRE(cholesky(l));
    matmul_nn<double>(wanted, a, x);
    solve_rows(l, x);
    for (std::size_t i = 0; i < n * n; ++i) CHECK(x.values()[i] == doctest::Approx(wanted.values()[i]).epsilon(1e-8));
}

TEST_CASE("a matrix that is not positive definite is said to be none, and a singular triangle has no inverse") {
    Matrix<double> a(2, 2, {1, 2, 2, 1}), l(2, 2, {1, 0, 1, 0});
    CHECK_FALSE(cholesky(a));
    CHECK_THROWS_WITH_AS(invert_lower(l), "a triangular matrix has a zero at place 1 of its diagonal", error);
}
