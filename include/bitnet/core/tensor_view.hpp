/// A named tensor in memory that belongs to somebody else.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/shape.hpp>

namespace bitnet::inline BITNET_ABI {

/// Bytes as a file holds them: row-major, little-endian, at any alignment.
/// bytes.size() == element_count(shape) · bits_of(dtype) / 8; whoever makes a view has checked that.
struct TensorView {
    std::string_view name;  ///< for errors
    DType dtype = DType::F32;
    Shape shape;
    std::span<const std::byte> bytes;
};

}  // namespace bitnet::inline BITNET_ABI
