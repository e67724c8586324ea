/// A linear layer over dense weights.
#pragma once

#include <algorithm>
#include <span>
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
        multiply(x, weight.view(), y, threads);
        add_bias<T>(bias, y);
    }
    /// Tiles of 512 tokens and at most 256 outputs, an even number of them, whatever the number of threads: so are the
    /// results. BLAS copies a tile's inputs, so that narrower ones cost more.
    static void multiply(MatrixView<const T> x, MatrixView<const T> w, MatrixView<T> y, unsigned threads) {
        constexpr std::size_t tokens_per_tile = 512, most_outputs = 256, vector = 16;
        const std::size_t even = 2 * ((w.rows + 2 * most_outputs - 1) / (2 * most_outputs));
        const std::size_t outputs_per_tile = ((w.rows + even - 1) / std::max<std::size_t>(1, even) + vector - 1) / vector * vector;
        if (outputs_per_tile == 0) return;
        const std::size_t tiles = (w.rows + outputs_per_tile - 1) / outputs_per_tile;
        const std::size_t token_tiles = (x.rows + tokens_per_tile - 1) / tokens_per_tile;
        parallel_for(tiles * token_tiles, 1, threads, [&](std::size_t tile, std::size_t) {
            const std::size_t o = tile % tiles * outputs_per_tile, t = tile / tiles * tokens_per_tile;
            const std::size_t outputs = std::min(outputs_per_tile, w.rows - o), tokens = std::min(tokens_per_tile, x.rows - t);
            matmul_nt(x.row_range(t, tokens), w.row_range(o, outputs), y.row_range(t, tokens).col_range(o, outputs));
        });
    }
};

}  // namespace bitnet::inline BITNET_ABI
