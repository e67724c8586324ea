/// Row by row over matrices with a row for each token, on several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// Rows that one thread takes at a time; what is added over rows is added in pieces of so many, whatever the threads.
inline constexpr std::size_t piece_rows = 64;

/// Calls work(first, count) for pieces of the rows.
template <class Work>
void each_piece(std::size_t rows, unsigned threads, Work&& work) {
    parallel_for(rows, piece_rows, threads, [&](std::size_t begin, std::size_t end) { work(begin, end - begin); });
}

/// Calls work(row) for each row.
template <class Work>
void each_row(std::size_t rows, unsigned threads, Work&& work) {
    each_piece(rows, threads, [&](std::size_t first, std::size_t count) {
        for (std::size_t r = first; r < first + count; ++r) work(r);
    });
}

template <class T>
void clear_rows(MatrixView<T> x, unsigned threads) {
    each_row(x.rows, threads, [&](std::size_t r) { std::ranges::fill(x.row(r), T(0)); });
}

template <class T>
void copy_rows(std::type_identity_t<MatrixView<const T>> from, MatrixView<T> to, unsigned threads) {
    each_row(to.rows, threads, [&](std::size_t r) { std::ranges::copy(from.row(r), to.row(r).begin()); });
}

/// to += from.
template <class T>
void add_row(std::type_identity_t<std::span<const T>> from, std::span<T> to) {
    for (std::size_t c = 0; c < from.size(); ++c) to[c] += from[c];
}
template <class T>
void add_rows(std::type_identity_t<MatrixView<const T>> from, MatrixView<T> to, unsigned threads) {
    each_row(to.rows, threads, [&](std::size_t r) { add_row(from.row(r), to.row(r)); });
}

}  // namespace bitnet::inline BITNET_ABI
