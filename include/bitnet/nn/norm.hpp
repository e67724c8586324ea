/// RMSNorm, or LayerNorm where there is a bias, over many tokens on several threads.
#pragma once

#include <cstddef>
#include <span>

#include <bitnet/core/rows.hpp>
#include <bitnet/nn/layer_norm.hpp>
#include <bitnet/nn/rms_norm.hpp>

namespace bitnet::inline BITNET_ABI {

/// x, y: (T, C), y may be x    weight: (C)    bias: (C), or empty
template <class T>
void normalise(MatrixView<const T> x, std::span<const T> weight, std::span<const T> bias, double eps, MatrixView<T> y, unsigned threads) {
    each_piece(x.rows, threads, [&](std::size_t begin, std::size_t count) {
        if (bias.empty())
            rms_norm<T>(x.row_range(begin, count), weight, eps, y.row_range(begin, count));
        else
            layer_norm<T>(x.row_range(begin, count), weight, bias, eps, y.row_range(begin, count));
    });
}

/// dx, dweight, dbias += their gradients; tokens are added in pieces, pieces in their order.
///
/// x, dy, dx: (T, C)    weight, dweight: (C)    dbias: (C), or empty where there is no bias
template <class T>
void normalise_backward(MatrixView<const T> x, std::span<const T> weight, double eps, MatrixView<const T> dy, MatrixView<T> dx,
                        std::span<T> dweight, std::span<T> dbias, unsigned threads) {
    const std::size_t pieces = (x.rows + piece_rows - 1) / piece_rows;
    Matrix<T> weights(pieces, x.cols), biases(dbias.empty() ? 0 : pieces, x.cols);
    each_piece(x.rows, threads, [&](std::size_t begin, std::size_t count) {
        const std::size_t piece = begin / piece_rows;
        const auto some = [&](auto view) { return view.row_range(begin, count); };
        if (dbias.empty())
            rms_norm_backward<T>(some(x), weight, eps, some(dy), some(dx), weights.row(piece));
        else
            layer_norm_backward<T>(some(x), weight, eps, some(dy), some(dx), weights.row(piece), biases.row(piece));
    });
    for (std::size_t piece = 0; piece < pieces; ++piece) add_row<T>(weights.row(piece), dweight);
    for (std::size_t piece = 0; piece < biases.rows(); ++piece) add_row<T>(biases.row(piece), dbias);
}

}  // namespace bitnet::inline BITNET_ABI
