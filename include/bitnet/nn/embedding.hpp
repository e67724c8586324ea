/// Token ids to vectors.
#pragma once

#include <cstdint>
#include <span>

#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// y[t] = row ids[t] of a table of `rows`, which read_row(row, out) writes to a span of C numbers.
/// ids: T of them below `rows`, or errc::bad_value with the id and its place  y: (T, C)
template <class T, class ReadRow>
void embed(std::size_t rows, std::span<const std::uint32_t> ids, MatrixView<T> y, ReadRow&& read_row) {
    for (std::size_t t = 0; t < ids.size(); ++t) {
        if (ids[t] >= rows)
            throw error(errc::bad_value, message("token id ", ids[t], " at position ", t, " is beyond the vocabulary of ",
                                                 rows, " tokens"));
        read_row(ids[t], y.row(t));
    }
}

/// The gradient of the table: row ids[t] of it += dy[t].  dy: (T, C)  dtable: (rows, C), rows beyond every id
template <class T>
void embed_backward(std::span<const std::uint32_t> ids, MatrixView<const T> dy, MatrixView<T> dtable, unsigned threads) {
    parallel_for(dtable.cols, 32, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t t = 0; t < ids.size(); ++t) {
            const std::span<const T> from = dy.row(t);
            const std::span<T> to = dtable.row(ids[t]);
            for (std::size_t c = begin; c < end; ++c) to[c] += from[c];
        }
    });
}

}  // namespace bitnet::inline BITNET_ABI
