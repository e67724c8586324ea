/// Products of activations and packed matrices, checked: what the layers of a model call.
#pragma once

#include <bitnet/core/error.hpp>
#include <bitnet/kernel/kernels.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

inline std::size_t packed_bytes(const TernaryMatrix& w) {
    switch (w.layout) {
        case Layout::int8: return w.rows * pack::row_bytes<pack::Int8>(w.cols);
        case Layout::trit2: return w.rows * pack::row_bytes<pack::Trit2>(w.cols);
        case Layout::trit5: return w.rows * pack::row_bytes<pack::Trit5>(w.cols);
    }
    throw error(errc::bad_value, "a layout outside of its enumeration");
}

/// Throws unless codes and scales are as many as the shape asks for.
inline void require_consistent(const TernaryMatrix& w) {
    if (w.cols >= std::size_t{1} << 22)
        throw error(errc::bad_shape, message("a packed matrix of ", w.cols, " columns; products add up to 4,194,303"));
    if (w.group == 0 && !w.whole_tensor) throw error(errc::bad_value, "a packed matrix with groups of 0 columns");
    const std::size_t scales = w.whole_tensor ? 1 : w.rows * w.groups();
    if (w.codes.size() != packed_bytes(w))
        throw error(errc::bad_shape, message("a packed matrix of ", w.rows, " x ", w.cols, " has ", w.codes.size(),
                                             " bytes of codes, expected ", packed_bytes(w)));
    if (w.scales.size() != scales)
        throw error(errc::bad_shape, message("a packed matrix of ", w.rows, " x ", w.cols, " has ", w.scales.size(),
                                             " scales, expected ", scales));
}

inline std::size_t tokens_of(std::span<const float> x, const TernaryMatrix& w) {
    if (w.cols == 0 || x.size() % w.cols != 0)
        throw error(errc::bad_shape, message(x.size(), " activations are no rows of ", w.cols, " columns"));
    return x.size() / w.cols;
}

/// Throws unless y has tokens·rows places and rows [first, last) exist.
template <class Activations>
void require_fits(const TernaryMatrix& w, std::size_t first, std::size_t last, const Activations& x,
                  std::span<const float> y) {
    require_consistent(w);
    if (x.cols != w.cols)
        throw error(errc::bad_shape, message("activations of ", x.cols, " columns for a matrix of ", w.cols));
    if (first > last || last > w.rows)
        throw error(errc::bad_shape, message("rows ", first, " to ", last, " of a matrix of ", w.rows));
    if (y.size() != x.tokens * w.rows)
        throw error(errc::bad_shape, message("a product of ", x.tokens, " tokens and ", w.rows, " rows needs ",
                                             x.tokens * w.rows, " places, not ", y.size()));
}

}  // namespace detail

/// Activations x, (tokens, w.cols) floats, made ready for products with w and with every matrix of the same columns,
/// layout and group. Memory of `out` is used again.
inline void prepare(Int8Activations& out, std::span<const float> x, const TernaryMatrix& w, const Kernels& kernels) {
    const std::size_t tokens = detail::tokens_of(x, w);
    out.tokens = tokens;
    out.cols = w.cols;
    out.group = w.group_cols();
    out.order = activation_order(w);
    out.blocks.resize(tokens * out.blocks_per_token());
    out.sums.resize(out.order == ActivationOrder::planes ? tokens * out.groups() : 0);
    out.scales.resize(tokens);
    kernels.int8_activations(x.data(), 0, tokens, out);
}
inline void prepare(FloatActivations& out, std::span<const float> x, const TernaryMatrix& w, const Kernels& kernels) {
    out.tokens = detail::tokens_of(x, w);
    out.cols = w.cols;
    out.blocks.resize(out.tokens * out.blocks_per_token());
    kernels.float_activations(x.data(), 0, out.tokens, out);
}

/// y = x·Wᵀ for rows [first, last) of W: y[t·w.rows + r], (tokens, w.rows) floats of which those rows' are written, so
/// that threads may share the rows. The sums and their order stand at kernel::int8_product and kernel::float_product.
/// Throws errc::bad_shape where shapes contradict each other or x was prepared for another group or layout.
inline void multiply(const TernaryMatrix& w, std::size_t first, std::size_t last, const Int8Activations& x,
                     std::span<float> y, const Kernels& kernels) {
    detail::require_fits(w, first, last, x, y);
    if (x.order != activation_order(w) || (x.order == ActivationOrder::planes && x.group != w.group_cols()))
        throw error(errc::bad_shape, message("activations prepared for groups of ", x.group,
                                             " columns or another layout; the matrix has groups of ", w.group_cols(),
                                             " in ", to_string(w.layout)));
    kernels.int8_product[static_cast<std::size_t>(w.layout)](w, first, last, x, y.data(), w.rows);
}
inline void multiply(const TernaryMatrix& w, std::size_t first, std::size_t last, const FloatActivations& x,
                     std::span<float> y, const Kernels& kernels) {
    detail::require_fits(w, first, last, x, y);
    kernels.float_product[static_cast<std::size_t>(w.layout)](w, first, last, x, y.data(), w.rows);
}

}  // namespace bitnet::inline BITNET_ABI
