/// Shapes of tensors, and the one way to see any of them as a matrix whose rows are output channels.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

using Shape = std::vector<std::size_t>;

/// "(3, 4)", "(7)", "()" for a scalar.
inline std::string to_string(const Shape& shape) {
    std::string out = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) out += message(i == 0 ? "" : ", ", shape[i]);
    return out + ")";
}

/// a·b, or errc::bad_shape naming `what` when that does not fit a size_t.
inline std::size_t checked_product(std::size_t a, std::size_t b, std::string_view what) {
    if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b)
        throw error(errc::bad_shape, message(what, ": ", a, " x ", b, " is more than a size_t can hold"));
    return a * b;
}

/// Number of elements of the axes from `first` on; without any it is one. Overflow is errc::bad_shape naming `what`.
inline std::size_t element_count(const Shape& shape, std::string_view what = "shape", std::size_t first = 0) {
    std::size_t count = 1;
    for (std::size_t axis = first; axis < shape.size(); ++axis) count = checked_product(count, shape[axis], what);
    return count;
}

/// Rows x columns of a tensor as quantizers see it: the first axis are the output channels, all others are one row.
/// A vector or a scalar is a single row.
struct MatrixShape {
    std::size_t rows = 0;
    std::size_t cols = 0;
    bool operator==(const MatrixShape&) const = default;
};

inline MatrixShape matrix_shape(const Shape& shape) {
    if (shape.size() < 2) return {1, element_count(shape)};
    return {shape[0], element_count(shape, "shape", 1)};
}

}  // namespace bitnet::inline BITNET_ABI
