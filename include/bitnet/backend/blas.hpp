/// Dense products by CBLAS: the only header that calls it.
///
/// Each call runs on the calling thread alone: most shapes give other last bits on two threads of OpenBLAS than on one,
/// so callers share fixed tiles among threads of their own.
#pragma once

#include <cblas.h>
#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>

#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/work_count.hpp>

namespace bitnet::inline BITNET_ABI {

/// Floating-point types that BLAS multiplies.
template <class T>
concept BlasNumber = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// Which library multiplies here, and for which processor: "OpenBLAS Haswell".
inline std::string blas_name() {
#ifdef OPENBLAS_VERSION
    return message("OpenBLAS ", openblas_get_corename());
#else
    return "CBLAS";
#endif
}

namespace detail {

/// Extents are int in CBLAS.
inline int blas_extent(std::size_t extent) {
    if (extent > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw error(errc::unsupported, message("a matrix with an extent of ", extent, " is more than BLAS takes"));
    return static_cast<int>(extent);
}

/// Once in a program, before the first product.
inline void single_threaded_blas() {
#ifdef OPENBLAS_VERSION
    static const bool done = (openblas_set_num_threads(1), true);
    static_cast<void>(done);
#endif
}

/// Which of two factors is read column by column.
enum class Turned { none, first, second };

/// A product of one row by BLAS's matrix-vector routine: one of matrices would copy all of b first.
template <BlasNumber T>
void gemv(Turned turned, const T* row, MatrixView<const T> b, MatrixView<T> c, T factor, T keep) {
    const CBLAS_TRANSPOSE form = turned == Turned::second ? CblasNoTrans : CblasTrans;
    const int rows = blas_extent(b.rows), cols = blas_extent(b.cols), ldb = blas_extent(b.stride);
    if constexpr (std::is_same_v<T, float>)
        cblas_sgemv(CblasRowMajor, form, rows, cols, factor, b.data, ldb, row, 1, keep, c.data, 1);
    else
        cblas_dgemv(CblasRowMajor, form, rows, cols, factor, b.data, ldb, row, 1, keep, c.data, 1);
}

template <BlasNumber T>
void gemm(Turned turned, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c, T factor, T keep) {
    single_threaded_blas();
    if (c.rows == 0 || c.cols == 0) return;
    count_products(c.rows, c.cols, turned == Turned::first ? a.rows : a.cols);
    if (c.rows == 1 && turned != Turned::first) return gemv(turned, a.data, b, c, factor, keep);
    const CBLAS_TRANSPOSE form_a = turned == Turned::first ? CblasTrans : CblasNoTrans;
    const CBLAS_TRANSPOSE form_b = turned == Turned::second ? CblasTrans : CblasNoTrans;
    const int m = blas_extent(c.rows), n = blas_extent(c.cols);
    const int k = blas_extent(turned == Turned::first ? a.rows : a.cols);
    const int lda = blas_extent(a.stride), ldb = blas_extent(b.stride), ldc = blas_extent(c.stride);
    if constexpr (std::is_same_v<T, float>)
        cblas_sgemm(CblasRowMajor, form_a, form_b, m, n, k, factor, a.data, lda, b.data, ldb, keep, c.data, ldc);
    else
        cblas_dgemm(CblasRowMajor, form_a, form_b, m, n, k, factor, a.data, lda, b.data, ldb, keep, c.data, ldc);
}

}  // namespace detail

/// c = factor·a·bᵀ + keep·c.  a: (M, K)  b: (N, K)  c: (M, N)
template <BlasNumber T>
void matmul_nt(MatrixView<const T> a, std::type_identity_t<MatrixView<const T>> b,
               std::type_identity_t<MatrixView<T>> c, T factor = 1, T keep = 0) {
    detail::gemm<T>(detail::Turned::second, a, b, c, factor, keep);
}

/// c = factor·a·b + keep·c.  a: (M, K)  b: (K, N)  c: (M, N)
template <BlasNumber T>
void matmul_nn(MatrixView<const T> a, std::type_identity_t<MatrixView<const T>> b,
               std::type_identity_t<MatrixView<T>> c, T factor = 1, T keep = 0) {
    detail::gemm<T>(detail::Turned::none, a, b, c, factor, keep);
}

/// c = factor·aᵀ·b + keep·c.  a: (K, M)  b: (K, N)  c: (M, N)
template <BlasNumber T>
void matmul_tn(MatrixView<const T> a, std::type_identity_t<MatrixView<const T>> b,
               std::type_identity_t<MatrixView<T>> c, T factor = 1, T keep = 0) {
    detail::gemm<T>(detail::Turned::first, a, b, c, factor, keep);
}

}  // namespace bitnet::inline BITNET_ABI
