/// A tensor of packed codes and scales: the one place where uncompressed and compressed weights meet.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <bitnet/config/xtensor.hpp>
#include <bitnet/core/dtype.hpp>
#include <bitnet/core/shape.hpp>
#include <bitnet/kernel/kernels.hpp>
#include <bitnet/pack/int8.hpp>
#include <bitnet/pack/trit2.hpp>
#include <bitnet/pack/trit5.hpp>

namespace bitnet::inline BITNET_ABI {

/// Calls f with the layout's type: the only switch over layouts.
template <class F>
constexpr decltype(auto) visit_layout(Layout layout, F&& f) {
    switch (layout) {
        case Layout::int8: return f(pack::Int8{});
        case Layout::trit2: return f(pack::Trit2{});
        case Layout::trit5: return f(pack::Trit5{});
    }
    throw error(errc::bad_value, "a layout outside of its enumeration");
}

inline std::size_t packed_row_bytes(Layout layout, std::size_t cols) {
    return visit_layout(layout, [cols](auto l) { return pack::row_bytes<decltype(l)>(cols); });
}

template <class Owner>
class DequantizedElement;

/// Codes in {-1, 0, +1}, packed row by row, and the scales that turn them back into weights:
///
///     ŵ[r, c] = scale(r, c)·code(r, c)
///
/// shape     that of the original; its first axis are the rows, the others together the columns; a vector is one row
/// codes     rows · packed_row_bytes(layout, cols) bytes
/// scales    (rows, groups_per_row()), or a single one for the whole tensor; values that scale_type holds exactly;
///           0 where a region has no weight but zeros
/// group     consecutive weights of a row that share a scale; the last group of a row may be shorter
struct TernaryTensor {
    Shape shape{};
    Layout layout = Layout::trit2;
    std::size_t group = 1;
    bool whole_tensor = false;
    DType scale_type = DType::F16;
    std::vector<std::uint8_t> codes{};
    std::vector<float> scales{};

    std::size_t rows() const { return matrix_shape(shape).rows; }
    std::size_t cols() const { return matrix_shape(shape).cols; }
    std::size_t row_bytes() const { return packed_row_bytes(layout, cols()); }
    std::size_t groups_per_row() const { return whole_tensor ? 1 : group == 0 ? 0 : cols() / group + (cols() % group != 0 ? 1 : 0); }
    /// Bytes of codes and scales as they are stored.
    std::size_t stored_bytes() const { return codes.size() + scales.size() * bits_of(scale_type) / 8; }

    std::span<const std::uint8_t> packed_row(std::size_t row) const {
        return {codes.data() + row * row_bytes(), row_bytes()};
    }
    float scale(std::size_t row, std::size_t col) const {
        return whole_tensor ? scales[0] : scales[row * groups_per_row() + col / group];
    }
    /// cols() codes of one row. For a single code, unpacking its row is wasteful: kernels work on packed_row().
    void codes_of_row(std::size_t row, std::span<std::int8_t> out, Execution run) const {
        run.kernels->decode[static_cast<std::size_t>(layout)](packed_row(row).data(), out.size(), out.data());
    }
    /// cols() weights of one row; the way for hot paths.
    void dequantize_row(std::size_t row, std::span<float> out, Execution run) const;

    // The same with the kernels of the including file's own instruction set: templates on it, here and below, so that
    // who only includes this file compiles none of them.
    template <class Arch = arch::Default>
    void codes_of_row(std::size_t row, std::span<std::int8_t> out) const {
        codes_of_row(row, out, execution<Arch>());
    }
    template <class Arch = arch::Default>
    void dequantize_row(std::size_t row, std::span<float> out) const {
        dequantize_row(row, out, execution<Arch>());
    }

    /// The weights as a lazy xtensor expression of the original shape, computed element by element as it is read; for
    /// looking and for tests. On an lvalue it refers to this tensor, on an rvalue it owns it.
    template <class Element = DequantizedElement<const TernaryTensor*>>
    auto dequantize() const& {
        return xt::xgenerator<Element, float, Shape>(Element(this), shape);
    }
    template <class Element = DequantizedElement<std::shared_ptr<const TernaryTensor>>>
    auto dequantize() && {
        const Shape lasting = shape;
        return xt::xgenerator<Element, float, Shape>(Element(std::make_shared<const TernaryTensor>(std::move(*this))),
                                                     lasting);
    }

    bool operator==(const TernaryTensor&) const = default;
};

inline void TernaryTensor::dequantize_row(std::size_t row, std::span<float> out, Execution run) const {
    // A piece is a multiple of 4 and of 5 codes, so that it begins with a byte in every layout, and stays in L1.
    constexpr std::size_t piece = 2560;
    std::array<std::int8_t, piece> code;
    const std::uint8_t* const packed = packed_row(row).data();
    for (std::size_t begin = 0; begin < out.size(); begin += piece) {
        const std::size_t count = std::min(piece, out.size() - begin);
        const std::size_t first_byte = packed_row_bytes(layout, begin);
        run.kernels->decode[static_cast<std::size_t>(layout)](packed + first_byte, count, code.data());
        for (std::size_t i = 0; i < count;) {
            const std::size_t end = whole_tensor ? count : std::min(count, (begin + i) / group * group + group - begin);
            const float alpha = scale(row, begin + i);
            for (; i < end; ++i) out[begin + i] = alpha * static_cast<float>(code[i]);
        }
    }
}

/// The functor of dequantize(): one weight from its position.
template <class Owner>
class DequantizedElement {
public:
    using value_type = float;
    explicit DequantizedElement(Owner tensor) : tensor_(std::move(tensor)) {}

    template <class... Index>
    float operator()(Index... index) const {
        const std::array<std::size_t, sizeof...(Index)> position{static_cast<std::size_t>(index)...};
        return element(position.begin(), position.end());
    }
    template <class Iterator>
    float element(Iterator first, Iterator last) const {
        const TernaryTensor& tensor = *tensor_;
        const Shape& shape = tensor.shape;
        // xtensor may pass more indices than axes (the extra ones lead) or fewer (the missing leading ones are 0).
        const auto given = static_cast<std::size_t>(std::distance(first, last));
        if (given > shape.size()) std::advance(first, static_cast<std::ptrdiff_t>(given - shape.size()));
        std::size_t flat = 0;
        for (std::size_t axis = shape.size() - std::min(given, shape.size()); axis < shape.size(); ++axis, ++first)
            flat = flat * shape[axis] + static_cast<std::size_t>(*first);
        const std::size_t row = flat / tensor.cols();
        const std::size_t col = flat % tensor.cols();
        const int code = visit_layout(tensor.layout, [&](auto l) -> int {
            constexpr std::size_t per_byte = decltype(l)::codes_per_byte;
            std::array<std::int8_t, per_byte> codes{};
            l.unpack(tensor.packed_row(row).subspan(col / per_byte, 1), codes);
            return codes[col % per_byte];
        });
        return tensor.scale(row, col) * static_cast<float>(code);
    }

private:
    Owner tensor_;
};

}  // namespace bitnet::inline BITNET_ABI
