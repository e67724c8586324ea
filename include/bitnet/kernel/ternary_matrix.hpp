/// A matrix of packed codes and its scales, as multiplication sees it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <bitnet/config/macros.hpp>
#include <bitnet/pack/layout.hpp>

namespace bitnet::inline BITNET_ABI {

/// Refers to what a TernaryTensor, or a file mapped into memory, holds: weight(r, c) = scale(r, c / group)·code(r, c).
///
/// codes   rows · row bytes of `layout`, each row padded by itself; bytes that `layout` never writes are refused by
///         whoever reads them from a file: here they give wrong numbers, and nothing worse
/// scales  rows · groups() floats row by row, or a single one when whole_tensor
/// group   consecutive weights of a row that share a scale, >= 1; not looked at when whole_tensor
struct TernaryMatrix {
    Layout layout = Layout::trit2;
    std::size_t rows = 0;
    std::size_t cols = 0;
    std::size_t group = 1;
    bool whole_tensor = false;
    std::span<const std::uint8_t> codes{};
    std::span<const float> scales{};

    /// Columns that share a scale: never more than there are, and never 0.
    BITNET_INLINE constexpr std::size_t group_cols() const noexcept {
        return std::max<std::size_t>(1, whole_tensor ? cols : std::min(group, cols));
    }
    /// Groups of a row.
    BITNET_INLINE constexpr std::size_t groups() const noexcept {
        return cols / group_cols() + (cols % group_cols() != 0 ? 1 : 0);
    }
    BITNET_INLINE constexpr const float* row_scales(std::size_t row) const noexcept {
        return whole_tensor ? scales.data() : scales.data() + row * groups();
    }
};

}  // namespace bitnet::inline BITNET_ABI
