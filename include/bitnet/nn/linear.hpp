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
    /// Tiles of as many outputs and tokens as that, whatever the number of threads: so are the results.
    static void multiply(MatrixView<const T> x, MatrixView<const T> w, MatrixView<T> y, unsigned threads) {
        constexpr std::size_t outputs_per_tile = 256, tokens_per_tile = 256;
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
