/// Causal attention of grouped heads over cached keys and values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/lane_sum.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/nn/softmax.hpp>

namespace bitnet::inline BITNET_ABI {

/// What attention knows beside its inputs.
struct AttentionShape {
    std::size_t heads = 1;
    std::size_t kv_heads = 1;              ///< divides heads; query head h reads key/value head h / (heads / kv_heads)
    std::size_t head_dim = 1;
    double scale = 1;                      ///< of the scores, 1 / sqrt(head_dim) as a rule
    std::optional<std::size_t> window = {};  ///< keys that a query sees, itself included; none: all before it
};

namespace detail {

/// Rows of scores to weights: softmax over keys first ... last(row), zero elsewhere. Column j is key `key + j`.
/// -> the largest score of all.
template <class T>
T causal_softmax(MatrixView<T> scores, std::size_t key, std::size_t query, std::optional<std::size_t> window,
                 const Kernels& kernels) {
    T largest = -std::numeric_limits<T>::infinity();
    for (std::size_t r = 0; r < scores.rows; ++r) {
        const std::span<T> row = scores.row(r);
        const std::size_t end = query + r + 1 - key;  // one behind the query's own key
        const std::size_t begin = window && query + r + 1 > key + *window ? query + r + 1 - key - *window : 0;
        const std::span<T> seen = row.subspan(begin, end - begin);
        largest = std::max(largest, softmax<T>(seen, seen, kernels).largest);
        std::fill(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(begin), T(0));
        std::fill(row.begin() + static_cast<std::ptrdiff_t>(end), row.end(), T(0));
    }
    return largest;
}

/// A tile of queries of one head, and the keys that any of them sees: rows key ... last - 1.
struct AttentionTile {
    static constexpr std::size_t most_queries = 64;
    std::size_t row, rows;   ///< of q
    std::size_t query;       ///< position of the first of them
    std::size_t key, last;

    AttentionTile(std::size_t index, std::size_t queries, std::size_t keys, std::optional<std::size_t> window)
        : row(index * most_queries),
          rows(std::min(most_queries, queries - row)),
          query(keys - queries + row),
          key(window && query + 1 > *window ? query + 1 - *window : 0),
          last(query + rows) {}
    static std::size_t count(std::size_t queries) { return (queries + most_queries - 1) / most_queries; }
    template <class T>
    MatrixView<T> queries(MatrixView<T> all, std::size_t head, std::size_t d) const {
        return all.row_range(row, rows).col_range(head * d, d);
    }
    template <class T>
    MatrixView<T> keys(MatrixView<T> all, std::size_t head, std::size_t d) const {
        return all.row_range(key, last - key).col_range(head * d, d);
    }
};

}  // namespace detail

/// out = softmax(scale·q·kᵀ, causal)·v for each head.
///
/// q, out: (T, heads·d), the tokens at positions S-T ... S-1    k, v: (S, kv_heads·d), those at 0 ... S-1
/// largest: (heads) or none; becomes the larger of what it was and the largest scaled score of each head
/// Source  Vaswani et al. 2017, "Attention Is All You Need", eq. 1; Ainslie et al. 2023, "GQA", section 2.2
template <class T>
void attention(MatrixView<const T> q, MatrixView<const T> k, MatrixView<const T> v, const AttentionShape& shape,
               MatrixView<T> out, Execution run, std::span<T> largest = {}) {
    const std::size_t tiles = detail::AttentionTile::count(q.rows), d = shape.head_dim;
    std::vector<T> of_tiles(largest.empty() ? 0 : shape.heads * tiles);
    parallel_for(shape.heads * tiles, 1, run.threads, [&](std::size_t i, std::size_t) {
        const std::size_t head = i / tiles, kv = head / (shape.heads / shape.kv_heads);
        const detail::AttentionTile tile(i % tiles, q.rows, k.rows, shape.window);
        const Scratch<T> scores(tile.rows, tile.last - tile.key);
        matmul_nt(tile.queries(q, head, d), tile.keys(k, kv, d), scores.view(), static_cast<T>(shape.scale));
        const T most = detail::causal_softmax(scores.view(), tile.key, tile.query, shape.window, *run.kernels);
        if (!of_tiles.empty()) of_tiles[i] = most;
        matmul_nn(MatrixView<const T>(scores.view()), tile.keys(v, kv, d), tile.queries(out, head, d));
    });
    for (std::size_t i = 0; i < of_tiles.size(); ++i) largest[i / tiles] = std::max(largest[i / tiles], of_tiles[i]);
}

namespace detail {

/// What one tile of queries gives to dq, dk and dv. Weights P and their gradients are computed anew: they would be the
/// largest thing to keep.
template <class T>
void attention_tile_backward(const AttentionTile& tile, std::size_t head, const AttentionShape& shape, MatrixView<const T> q,
                             MatrixView<const T> k, MatrixView<const T> v, MatrixView<const T> out, MatrixView<const T> dout,
                             MatrixView<T> dq, MatrixView<T> dk, MatrixView<T> dv, const Kernels& kernels) {
    const std::size_t d = shape.head_dim, kv = head / (shape.heads / shape.kv_heads);
    const T scale = static_cast<T>(shape.scale);
    const Scratch<T> weights(tile.rows, tile.last - tile.key), slopes(tile.rows, tile.last - tile.key);
    const MatrixView<T> p = weights.view(), ds = slopes.view();
    const MatrixView<const T> queries = tile.queries(q, head, d), keys = tile.keys(k, kv, d);
    const MatrixView<const T> result = tile.queries(out, head, d), slope = tile.queries(dout, head, d);
    matmul_nt(queries, keys, p, scale);
    causal_softmax(p, tile.key, tile.query, shape.window, kernels);
    matmul_tn(MatrixView<const T>(p), slope, tile.keys(dv, kv, d), T(1), T(1));
    matmul_nt(slope, tile.keys(v, kv, d), ds);
    for (std::size_t r = 0; r < p.rows; ++r) {
        const std::span<const T> o = result.row(r), g = slope.row(r);
        const T mean = lane_sum<T>(d, [&](std::size_t c) { return o[c] * g[c]; });
        for (std::size_t j = 0; j < p.cols; ++j) ds(r, j) = p(r, j) * (ds(r, j) - mean);
    }
    matmul_nn(MatrixView<const T>(ds), keys, tile.queries(dq, head, d), scale);
    matmul_tn(MatrixView<const T>(ds), queries, tile.keys(dk, kv, d), scale, T(1));
}

}  // namespace detail

/// Gradients of the inputs of attention over a whole text, without a cache before it:
///
///     P = softmax(scale·q·kᵀ, causal)    dv = Pᵀ·dout    dS = P ⊙ (dout·vᵀ - rowsum(dout ⊙ out))
///     dq = scale·dS·k                    dk = scale·dSᵀ·q, summed over the query heads of a group, as dv is
///
/// q, out, dout, dq: (T, heads·d)    k, v, dk, dv: (T, kv_heads·d)
template <class T>
void attention_backward(MatrixView<const T> q, MatrixView<const T> k, MatrixView<const T> v, MatrixView<const T> out,
                        MatrixView<const T> dout, const AttentionShape& shape, MatrixView<T> dq, MatrixView<T> dk,
                        MatrixView<T> dv, Execution run) {
    const std::size_t tiles = detail::AttentionTile::count(q.rows), d = shape.head_dim, group = shape.heads / shape.kv_heads;
    parallel_for(shape.kv_heads, 1, run.threads, [&](std::size_t kv, std::size_t) {
        for (std::size_t t = 0; t < k.rows; ++t) {
            std::ranges::fill(dk.row(t).subspan(kv * d, d), T(0));
            std::ranges::fill(dv.row(t).subspan(kv * d, d), T(0));
        }
        for (std::size_t head = kv * group; head < (kv + 1) * group; ++head)
            for (std::size_t i = 0; i < tiles; ++i)
                detail::attention_tile_backward({i, q.rows, k.rows, shape.window}, head, shape, q, k, v, out, dout, dq, dk, dv,
                                                *run.kernels);
    });
}

}  // namespace bitnet::inline BITNET_ABI
