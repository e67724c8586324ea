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
#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/policy/scale/storage.hpp>

namespace bitnet::inline BITNET_ABI::detail {

/// Codes, and rounded scales and offsets, of some rows into those of the whole. False where the type does not hold one.
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
    for (std::size_t i = 0; !out.offsets.empty() && i < rows.offsets.values().size(); ++i) {
        float& offset = out.offsets[rows.shared ? 0 : first * rows.groups() + i];
        offset = scale::stored_offset(rows.offsets.values()[i], out.planes[0].scale_type);
        held &= is_finite(offset);
    }
    return held;
}

/// Calls fill(RowsInWork<Planes>&) for blocks of 64 rows, each one thread's work, or once for all rows, with all threads, where one
/// scale serves them; `out` becomes what that leaves. Scales are stored as the policy says, or as F32 where it does not hold them.
///
/// Errors  errc::not_finite for a weight, by tensor name and flat index
template <std::size_t Planes, class Compressor, class Fill>
void compress_rows(const Compressor& compressor, const TensorView& weight, TernaryPlanes& out, Execution run, Fill&& fill) {
    constexpr bool whole = Compressor::Scale::whole_tensor;
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
    out.offsets.resize(Compressor::has_offset ? out.planes[0].scales.size() : 0);
    const auto pass = [&] {
        std::atomic<bool> all_held = true;
        const auto compress = [&](std::size_t begin, std::size_t end) {
            Matrix<float> w(end - begin, cols);
            std::vector<float> buffer;
            for (std::size_t r = begin; r < end; ++r) {
                const std::span<const float> row = all.row(r, buffer);
                all.require_finite(r * cols, row);
                std::ranges::copy(row, w.row(r - begin).begin());
                out.rotation.apply(w.row(r - begin));
            }
            RowsInWork<Planes> rows(std::move(w), out.planes[0].group, whole, whole ? run.threads : 1);
            fill(rows);
            if (!put_rows(rows, begin, out)) all_held = false;
        };
        if (whole && count > 0) compress(0, count);
        if (!whole) parallel_for(count, RowsInWork<Planes>::rows_at_once, run.threads, compress);
        return all_held.load();
    };
    if (pass()) return;
    for (TernaryTensor& plane : out.planes) plane.scale_type = DType::F32;
    pass();
}

}  // namespace bitnet::inline BITNET_ABI::detail
