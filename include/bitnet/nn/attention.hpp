/// Causal attention of grouped heads over cached keys and values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/nn/exponential.hpp>

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

/// x[i] = e^x[i] / Σ e^x, with eight sums and maxima side by side, as vectors have them.
template <class T>
void softmax(std::span<T> x) {
    constexpr std::size_t lanes = 8;
    const std::size_t whole = x.size() - x.size() % lanes;
    T largest = x[0];
    T most[lanes], sums[lanes] = {};
    std::fill(most, most + lanes, largest);
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
    for (const T value : most) largest = std::max(largest, value);
    for (std::size_t i = whole; i < x.size(); ++i) largest = std::max(largest, x[i]);
    for (T& value : x) value = exponential(value - largest);
    for (std::size_t i = 0; i < whole; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) sums[j] += x[i + j];
    T sum = 0;
    for (const T value : sums) sum += value;
    for (std::size_t i = whole; i < x.size(); ++i) sum += x[i];
    const T share = 1 / sum;
    for (T& value : x) value *= share;
}

/// Rows of scores to weights: softmax over keys first ... last(row), zero elsewhere. Column j is key `key + j`.
template <class T>
void causal_softmax(MatrixView<T> scores, std::size_t key, std::size_t query, std::optional<std::size_t> window) {
    for (std::size_t r = 0; r < scores.rows; ++r) {
        const std::span<T> row = scores.row(r);
        const std::size_t end = query + r + 1 - key;  // one behind the query's own key
        const std::size_t begin = window && query + r + 1 > key + *window ? query + r + 1 - key - *window : 0;
        const std::span<T> seen = row.subspan(begin, end - begin);
        softmax(seen);
        std::fill(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(begin), T(0));
        std::fill(row.begin() + static_cast<std::ptrdiff_t>(end), row.end(), T(0));
    }
}

}  // namespace detail

/// out = softmax(scale·q·kᵀ, causal)·v for each head.
///
/// q, out: (T, heads·d), the tokens at positions S-T ... S-1    k, v: (S, kv_heads·d), those at 0 ... S-1
/// Source  Vaswani et al. 2017, "Attention Is All You Need", eq. 1; Ainslie et al. 2023, "GQA", section 2.2
template <class T>
void attention(MatrixView<const T> q, MatrixView<const T> k, MatrixView<const T> v, const AttentionShape& shape,
               MatrixView<T> out, unsigned threads) {
    constexpr std::size_t queries_per_tile = 64;
    const std::size_t tiles = (q.rows + queries_per_tile - 1) / queries_per_tile, d = shape.head_dim;
    const std::size_t first = k.rows - q.rows;  // position of the first query
    parallel_for(shape.heads * tiles, 1, threads, [&](std::size_t i, std::size_t) {
        const std::size_t head = i / tiles, row = i % tiles * queries_per_tile;
        const std::size_t rows = std::min(queries_per_tile, q.rows - row);
        const std::size_t kv = head / (shape.heads / shape.kv_heads) * d;
        const std::size_t query = first + row, last = query + rows;  // keys from `last` on are seen by none of these
        const std::size_t key = shape.window && query + 1 > *shape.window ? query + 1 - *shape.window : 0;
        const Scratch<T> scores(rows, last - key);
        matmul_nt(q.row_range(row, rows).col_range(head * d, d), k.row_range(key, last - key).col_range(kv, d),
                  scores.view(), static_cast<T>(shape.scale));
        detail::causal_softmax(scores.view(), key, query, shape.window);
        matmul_nn(MatrixView<const T>(scores.view()), v.row_range(key, last - key).col_range(kv, d),
                  out.row_range(row, rows).col_range(head * d, d));
    });
}

}  // namespace bitnet::inline BITNET_ABI
