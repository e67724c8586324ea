/// Token ids to vectors.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <bitnet/core/error.hpp>
#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// y[t] = table[ids[t]].  table: (V, C)  ids: T of them below V, or errc::bad_value with the id and its place  y: (T, C)
template <class T>
void embed(MatrixView<const T> table, std::span<const std::uint32_t> ids, MatrixView<T> y) {
    for (std::size_t t = 0; t < ids.size(); ++t) {
        if (ids[t] >= table.rows)
            throw error(errc::bad_value, message("token id ", ids[t], " at position ", t, " is beyond the vocabulary of ",
                                                 table.rows, " tokens"));
        std::ranges::copy(table.row(ids[t]), y.row(t).begin());
    }
}

}  // namespace bitnet::inline BITNET_ABI
