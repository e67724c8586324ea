/// Token ids to vectors.
#pragma once

#include <cstdint>
#include <span>

#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>

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

}  // namespace bitnet::inline BITNET_ABI
