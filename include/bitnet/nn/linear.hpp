/// A linear layer over dense weights.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// Adds the same bias to every row, or nothing when it is empty.
template <class T>
void add_bias(std::span<const T> bias, MatrixView<T> y) {
    for (std::size_t t = 0; !bias.empty() && t < y.rows; ++t)
        for (std::size_t o = 0; o < y.cols; ++o) y(t, o) += bias[o];
}

namespace detail {

/// Calls work(row, rows, column, columns) for the tiles of a (rows, columns) result: at most `most_rows` rows and at most
/// 256 columns, an even number of such strips. The same tiles for any number of threads, and so the same results.
/// BLAS copies a tile's factors, so that narrower ones cost more.
template <class Work>
void each_tile(std::size_t rows, std::size_t columns, std::size_t most_rows, unsigned threads, Work&& work) {
    constexpr std::size_t most_columns = 256, vector = 16;
    if (rows == 0 || columns == 0) return;
    const std::size_t even = 2 * ((columns + 2 * most_columns - 1) / (2 * most_columns));
    const std::size_t width = ((columns + even - 1) / even + vector - 1) / vector * vector;
    const std::size_t strips = (columns + width - 1) / width, bands = (rows + most_rows - 1) / most_rows;
    parallel_for(strips * bands, 1, threads, [&](std::size_t tile, std::size_t) {
        const std::size_t column = tile % strips * width, row = tile / strips * most_rows;
        work(row, std::min(most_rows, rows - row), column, std::min(width, columns - column));
    });
}

}  // namespace detail

/// y = x·Wᵀ on several threads.  x: (T, C)    W: (O, C)    y: (T, O)
template <class T>
void multiply_nt(MatrixView<const T> x, std::type_identity_t<MatrixView<const T>> w,
                 std::type_identity_t<MatrixView<T>> y, unsigned threads) {
    detail::each_tile(x.rows, w.rows, 512, threads, [&](std::size_t t, std::size_t tokens, std::size_t o, std::size_t outputs) {
        matmul_nt(x.row_range(t, tokens), w.row_range(o, outputs), y.row_range(t, tokens).col_range(o, outputs));
    });
}

/// The gradient of a linear layer's input: dx = dy·W + keep·dx.  dy: (T, O)    W: (O, C)    dx: (T, C)
template <class T>
void linear_backward_input(MatrixView<const T> dy, std::type_identity_t<MatrixView<const T>> w,
                           std::type_identity_t<MatrixView<T>> dx, T keep, unsigned threads) {
    detail::each_tile(dx.rows, dx.cols, 512, threads, [&](std::size_t t, std::size_t tokens, std::size_t c, std::size_t inputs) {
        matmul_nn(dy.row_range(t, tokens), w.col_range(c, inputs), dx.row_range(t, tokens).col_range(c, inputs), T(1), keep);
    });
}

/// The gradient of its weight: dW += dyᵀ·x.  dy: (T, O)    x: (T, C)    dW: (O, C)
template <class T>
void linear_backward_weight(MatrixView<const T> dy, std::type_identity_t<MatrixView<const T>> x,
                            std::type_identity_t<MatrixView<T>> dw, unsigned threads) {
    detail::each_tile(dw.rows, dw.cols, 512, threads, [&](std::size_t o, std::size_t outputs, std::size_t c, std::size_t inputs) {
        matmul_tn(dy.col_range(o, outputs), x.col_range(c, inputs), dw.row_range(o, outputs).col_range(c, inputs), T(1), T(1));
    });
}

/// The gradient of its bias: db += Σ_t dy.  dy: (T, O)    db: (O)
template <class T>
void linear_backward_bias(MatrixView<const T> dy, std::span<T> dbias) {
    for (std::size_t t = 0; t < dy.rows; ++t)
        for (std::size_t o = 0; o < dy.cols; ++o) dbias[o] += dy(t, o);
}

/// y = x·Wᵀ + b.
///
/// x: (T, C)    W: (O, C)    b: (O) or none    y: (T, O)
template <class T>
struct Linear {
    Matrix<T> weight{};
    std::vector<T> bias{};

    std::size_t inputs() const { return weight.cols(); }
    std::size_t outputs() const { return weight.rows(); }
    /// What a product reads of it.
    std::size_t weight_bytes() const { return weight.values().size() * sizeof(T); }

    /// Row r of the weight.  out: C numbers
    void weight_row(std::size_t r, std::span<T> out) const { std::ranges::copy(weight.row(r), out.begin()); }

    void forward(MatrixView<const T> x, MatrixView<T> y, unsigned threads) const {
        multiply_nt(x, weight.view(), y, threads);
        add_bias<T>(bias, y);
    }
};

}  // namespace bitnet::inline BITNET_ABI
