/// Rows of a weight tensor as floats, whatever type and alignment its bytes have.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include <bitnet/compress/region.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/kernel/kernels.hpp>

namespace bitnet::inline BITNET_ABI {

/// Reads a TensorView of F32, F16, BF16 or F64 row by row. Aligned F32 rows are spans of the tensor itself, all others
/// are converted into the caller's buffer: exactly, except that F64 is rounded to the nearest float.
/// Any other type is errc::unsupported, by the tensor's name.
template <std::same_as<TensorView> View = TensorView>  // a template, so that who only includes this does not pay for it
class FloatRows {
public:
    FloatRows(const View& tensor, const Kernels& kernels)
        : tensor_(tensor), shape_(matrix_shape(tensor.shape)), kernels_(kernels) {
        if (!is_weight_type(tensor.dtype))
            throw error(errc::unsupported, message(tensor.name, ": weights of type ", name_of(tensor.dtype),
                                                   " cannot be compressed; F32, F16, BF16 and F64 can"));
        aligned_ = tensor.dtype == DType::F32 &&
                   reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(float) == 0;
    }

    std::size_t rows() const noexcept { return shape_.rows; }
    std::size_t cols() const noexcept { return shape_.cols; }

    /// Row r; the span ends with the next call for the same buffer.
    std::span<const float> row(std::size_t r, std::vector<float>& buffer) const { return elements(r * cols(), cols(), buffer); }
    /// All rows, one after the other.
    std::span<const float> all(std::vector<float>& buffer) const { return elements(0, rows() * cols(), buffer); }
    /// `count` elements from a flat index on.
    std::span<const float> elements(std::size_t first, std::size_t count, std::vector<float>& buffer) const {
        const std::size_t element = bits_of(tensor_.dtype) / 8;
        const std::byte* const bytes = tensor_.bytes.data() + first * element;
        if (aligned_) return {reinterpret_cast<const float*>(bytes), count};
        buffer.resize(count);
        if (tensor_.dtype == DType::F16)
            kernels_.widen_f16(bytes, buffer.data(), count);
        else if (tensor_.dtype == DType::BF16)
            kernels_.widen_bf16(bytes, buffer.data(), count);
        else if (tensor_.dtype == DType::F32)
            std::memcpy(buffer.data(), bytes, count * sizeof(float));
        else
            for (std::size_t i = 0; i < count; ++i) {
                double value;
                std::memcpy(&value, bytes + i * sizeof value, sizeof value);
                buffer[i] = static_cast<float>(value);
            }
        return {buffer.data(), count};
    }

    /// errc::not_finite if one of the elements from `first` on is NaN or infinite, by name, flat index and shape.
    void require_finite(std::size_t first, std::span<const float> elements) const {
        for (std::size_t i = 0; i < elements.size(); ++i)
            if (!is_finite(elements[i]))
                throw error(errc::not_finite, message(tensor_.name, ": ", elements[i], " at flat index ", first + i,
                                                      " of shape ", to_string(tensor_.shape)));
    }

private:
    View tensor_;
    MatrixShape shape_;
    const Kernels& kernels_;
    bool aligned_ = false;
};

}  // namespace bitnet::inline BITNET_ABI
