/// A matrix of 16-bit floats, kept as its file has them.
#pragma once

#include <cstdint>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/matrix.hpp>

namespace bitnet::inline BITNET_ABI {

struct HalfMatrix {
    DType dtype = DType::F16;  ///< or BF16
    Matrix<std::uint16_t> bits{};
};

}  // namespace bitnet::inline BITNET_ABI
