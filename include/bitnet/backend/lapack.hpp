/// Factors of positive definite matrices by LAPACK: the only header that calls it.
///
/// Single-threaded, as all calls of BLAS are: see backend/blas.hpp.
#pragma once

#include <cstddef>

#include <bitnet/backend/blas.hpp>

extern "C" {
// Fortran's own entry points: OpenBLAS and the reference library both have them, and no header agrees on their prototypes.
void dpotrf_(const char* triangle, const int* n, double* a, const int* lda, int* info, std::size_t);
void dtrtri_(const char* triangle, const char* diagonal, const int* n, double* a, const int* lda, int* info, std::size_t, std::size_t);
}

namespace bitnet::inline BITNET_ABI {

/// Cholesky's factor in place of a symmetric matrix: a = l·lᵀ, l in the lower triangle; what stands above it is not touched.
/// a: (N, N). False where a is not positive definite, and a is worth nothing then.
inline bool cholesky(MatrixView<double> a) {
    detail::single_threaded_blas();
    const int n = detail::blas_extent(a.rows), lda = detail::blas_extent(a.stride);
    int info = 0;
    dpotrf_("U", &n, a.data, &lda, &info, 1);  // what is lower row by row is upper column by column
    return info == 0;
}

/// The inverse of a lower triangular matrix, in its place; what stands above it is not touched.  l: (N, N), no zero on its diagonal
inline void invert_lower(MatrixView<double> l) {
    detail::single_threaded_blas();
    const int n = detail::blas_extent(l.rows), ldl = detail::blas_extent(l.stride);
    int info = 0;
    dtrtri_("U", "N", &n, l.data, &ldl, &info, 1, 1);
    if (info != 0) throw error(errc::bad_value, message("a triangular matrix has a zero at place ", info - 1, " of its diagonal"));
}

/// x = x·(l·lᵀ)⁻¹, row by row.  l: (N, N) lower, from cholesky()  x: (M, N)
inline void solve_rows(MatrixView<const double> l, MatrixView<double> x) {
    detail::single_threaded_blas();
    const int m = detail::blas_extent(x.rows), n = detail::blas_extent(x.cols);
    const int ldl = detail::blas_extent(l.stride), ldx = detail::blas_extent(x.stride);
    if (m == 0 || n == 0) return;
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, m, n, 1, l.data, ldl, x.data, ldx);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, m, n, 1, l.data, ldl, x.data, ldx);
}

}  // namespace bitnet::inline BITNET_ABI
