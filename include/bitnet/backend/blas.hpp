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

template <BlasNumber T>
void gemm(bool transpose_b, std::size_t n, MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c, T factor,
          T keep) {
    single_threaded_blas();
    if (c.rows == 0 || c.cols == 0) return;
    const int m = blas_extent(a.rows), columns = blas_extent(n), k = blas_extent(a.cols);
    const int lda = blas_extent(a.stride), ldb = blas_extent(b.stride), ldc = blas_extent(c.stride);
    if (m == 1) {  // a product of matrices would copy all of b first
        const int rows = transpose_b ? columns : k, cols = transpose_b ? k : columns;
        const CBLAS_TRANSPOSE turned = transpose_b ? CblasNoTrans : CblasTrans;
        if constexpr (std::is_same_v<T, float>)
            cblas_sgemv(CblasRowMajor, turned, rows, cols, factor, b.data, ldb, a.data, 1, keep, c.data, 1);
        else
            cblas_dgemv(CblasRowMajor, turned, rows, cols, factor, b.data, ldb, a.data, 1, keep, c.data, 1);
        return;
    }
    const CBLAS_TRANSPOSE form = transpose_b ? CblasTrans : CblasNoTrans;
    if constexpr (std::is_same_v<T, float>)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, form, m, columns, k, factor, a.data, lda, b.data, ldb, keep, c.data, ldc);
    else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, form, m, columns, k, factor, a.data, lda, b.data, ldb, keep, c.data, ldc);
}

}  // namespace detail

/// c = factor·a·bᵀ + keep·c.  a: (M, K)  b: (N, K)  c: (M, N)
template <BlasNumber T>
void matmul_nt(MatrixView<const T> a, std::type_identity_t<MatrixView<const T>> b,
               std::type_identity_t<MatrixView<T>> c, T factor = 1, T keep = 0) {
    detail::gemm<T>(true, b.rows, a, b, c, factor, keep);
}

/// c = factor·a·b + keep·c.  a: (M, K)  b: (K, N)  c: (M, N)
template <BlasNumber T>
void matmul_nn(MatrixView<const T> a, std::type_identity_t<MatrixView<const T>> b,
               std::type_identity_t<MatrixView<T>> c, T factor = 1, T keep = 0) {
    detail::gemm<T>(false, b.cols, a, b, c, factor, keep);
}

}  // namespace bitnet::inline BITNET_ABI
