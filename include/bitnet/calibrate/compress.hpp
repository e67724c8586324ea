/// A matrix through a Compressor whose quantizer asks for second moments.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/calibrate/quantizer/start.hpp>
#include <bitnet/compress/compressor.hpp>

namespace bitnet::inline BITNET_ABI {

/// A tensor for each plane of codes; the weights are their sum.
template <std::size_t Planes>
using TernaryPlanes = std::array<TernaryTensor, Planes>;

namespace detail {

/// Codes and rounded scales of some rows into those of the whole. False where the type does not hold a scale.
template <std::size_t Planes>
bool put_rows(const RowsInWork<Planes>& rows, std::size_t first, TernaryPlanes<Planes>& out) {
    bool held = true;
    for (std::size_t p = 0; p < Planes; ++p) {
        TernaryTensor& plane = out[p];
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const std::span<const std::int8_t> codes = rows.codes[p].row(r);
            visit_layout(plane.layout, [&](auto l) {
                l.pack(codes, std::span(plane.codes).subspan((first + r) * plane.row_bytes(), plane.row_bytes()));
            });
            for (std::size_t g = 0; g < rows.groups(); ++g) {
                const auto [begin, end] = rows.columns(g);
                const bool empty = !rows.shared && std::ranges::all_of(codes.subspan(begin, end - begin), [](auto code) { return code == 0; });
                const float scale = empty ? 0 : rows.scales[p](r, g);
                held &= scale::holds(plane.scale_type, scale);
                plane.scales[rows.shared ? 0 : (first + r) * rows.groups() + g] = scale::stored(scale, plane.scale_type);
            }
        }
    }
    return held;
}

}  // namespace detail

/// weights: (O, C)  moments: of their inputs, for C channels. Blocks of 64 rows are independent of each other, and one thread's
/// work each: the result does not depend on the number of threads. Where one scale serves the whole tensor, all rows are one
/// block.
///
/// Errors  errc::not_finite for a weight, by tensor name and flat index; errc::bad_shape for moments of other channels
template <class... Policies>
auto compress(const Compressor<Policies...>& compressor, const TensorView& weight, const PreparedMoments& moments, Execution run = execution()) {
    using Scale = typename Compressor<Policies...>::Scale;
    constexpr std::size_t planes = quantizer::planes_of<typename Compressor<Policies...>::Quantizer>, rows_at_once = 64;
    const FloatRows all(weight, *run.kernels);
    const std::size_t count = all.rows(), cols = all.cols();
    if (cols != moments.metric.cols())
        throw error(errc::bad_shape, message(weight.name, ": ", cols, " columns, and moments of ", moments.metric.cols(), " inputs"));
    TernaryPlanes<planes> out;
    for (TernaryTensor& plane : out) {
        plane.shape = weight.shape;
        plane.layout = compressor.layout().layout;
        plane.whole_tensor = Scale::whole_tensor;
        plane.group = std::max<std::size_t>(1, Scale::whole_tensor ? cols : compressor.scale().group(cols));
        plane.scale_type = compressor.scale().storage;
        plane.codes.resize(count * plane.row_bytes());
        plane.scales.resize(Scale::whole_tensor ? std::min<std::size_t>(1, count) : count * plane.groups_per_row());
    }
    const auto pass = [&] {
        std::atomic<bool> all_held = true;
        parallel_for(count, Scale::whole_tensor ? count : rows_at_once, run.threads, [&](std::size_t begin, std::size_t end) {
            Matrix<float> w(end - begin, cols);
            std::vector<float> buffer;
            for (std::size_t r = begin; r < end; ++r) {
                const std::span<const float> row = all.row(r, buffer);
                all.require_finite(r * cols, row);
                std::ranges::copy(row, w.row(r - begin).begin());
            }
            RowsInWork<planes> rows(std::move(w), out[0].group, Scale::whole_tensor);
            quantizer::quantize_rows(compressor.quantizer(), rows, moments, *run.kernels);
            if (!detail::put_rows(rows, begin, out)) all_held = false;
        });
        return all_held.load();
    };
    if (!pass()) {
        for (TernaryTensor& plane : out) plane.scale_type = DType::F32;
        pass();
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
