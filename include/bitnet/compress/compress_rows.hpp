/// A matrix block of rows by block of rows, for quantizers that look at whole rows or make several planes of codes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/compress/float_rows.hpp>
#include <bitnet/compress/rows_in_work.hpp>
#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/policy/scale/storage.hpp>

namespace bitnet::inline BITNET_ABI::detail {

/// Codes and rounded scales of some rows into those of the whole. False where the type does not hold a scale.
template <std::size_t Planes>
bool put_rows(const RowsInWork<Planes>& rows, std::size_t first, TernaryPlanes& out) {
    bool held = true;
    for (std::size_t p = 0; p < Planes; ++p) {
        TernaryTensor& plane = out.planes[p];
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

/// Calls fill(RowsInWork<Planes>&) for blocks of 64 rows, each one thread's work, or once for all rows where one scale serves
/// them; `out` becomes what that leaves. Scales are stored as the policy says, or as F32 where it does not hold them.
///
/// Errors  errc::not_finite for a weight, by tensor name and flat index
template <std::size_t Planes, class Compressor, class Fill>
void compress_rows(const Compressor& compressor, const TensorView& weight, TernaryPlanes& out, Execution run, Fill&& fill) {
    constexpr bool whole = Compressor::Scale::whole_tensor;
    constexpr std::size_t rows_at_once = 64;
    const FloatRows all(weight, *run.kernels);
    const std::size_t cols = all.cols(), count = cols == 0 ? 0 : all.rows();
    out.planes.resize(Planes);
    for (TernaryTensor& plane : out.planes) {
        plane.shape = weight.shape;
        plane.layout = compressor.layout().layout;
        plane.whole_tensor = whole;
        plane.group = std::max<std::size_t>(1, whole ? cols : compressor.scale().group(cols));
        plane.scale_type = compressor.scale().storage;
        plane.codes.resize(count * plane.row_bytes());
        plane.scales.resize(whole ? std::min<std::size_t>(1, count) : count * plane.groups_per_row());
    }
    const auto pass = [&] {
        std::atomic<bool> all_held = true;
        parallel_for(count, whole ? std::max<std::size_t>(1, count) : rows_at_once, run.threads, [&](std::size_t begin, std::size_t end) {
            Matrix<float> w(end - begin, cols);
            std::vector<float> buffer;
            for (std::size_t r = begin; r < end; ++r) {
                const std::span<const float> row = all.row(r, buffer);
                all.require_finite(r * cols, row);
                std::ranges::copy(row, w.row(r - begin).begin());
                out.rotation.apply(w.row(r - begin));
            }
            RowsInWork<Planes> rows(std::move(w), out.planes[0].group, whole);
            fill(rows);
            if (!put_rows(rows, begin, out)) all_held = false;
        });
        return all_held.load();
    };
    if (pass()) return;
    for (TernaryTensor& plane : out.planes) plane.scale_type = DType::F32;
    pass();
}

}  // namespace bitnet::inline BITNET_ABI::detail
