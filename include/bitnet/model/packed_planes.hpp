/// How the planes of one ternary tensor are planned in a packed file, and written.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/narrow.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/model/packed_format.hpp>

namespace bitnet::inline BITNET_ABI {

/// Appends the parts of a tensor.  scales: their type in the file
inline void plan_planes(const std::string& name, const PackedEntry& entry, Layout layout, DType scales, std::vector<PlannedTensor>& plan) {
    const MatrixShape matrix = matrix_shape(entry.shape);
    const std::size_t groups = entry.whole_tensor ? 1 : (matrix.cols + entry.group - 1) / entry.group;
    const bool empty = matrix.rows == 0 || matrix.cols == 0;
    const Shape shape{entry.whole_tensor ? (empty ? 0 : 1) : matrix.rows, groups};
    for (std::size_t p = 0; p < entry.planes; ++p) {
        plan.push_back({codes_name(name, p), DType::U8, {matrix.rows, packed_row_bytes(layout, matrix.cols)}});
        plan.push_back({scales_name(name, p), scales, shape});
    }
    if (entry.offsets) plan.push_back({offsets_name(name), scales, shape});
}

/// Writes what was planned.
inline void write_planes(SafetensorsWriter& writer, const std::string& name, const TernaryPlanes& made, DType scales) {
    std::vector<std::byte> narrowed;
    const auto write_scales = [&](const std::string& part, std::span<const float> values) {
        narrowed.clear();
        narrow(values, scales, narrowed);
        writer.write(part, narrowed);
    };
    for (std::size_t p = 0; p < made.planes.size(); ++p) {
        writer.write(codes_name(name, p), std::as_bytes(std::span(made.planes[p].codes)));
        write_scales(scales_name(name, p), made.planes[p].scales);
    }
    if (!made.offsets.empty()) write_scales(offsets_name(name), made.offsets);
}

}  // namespace bitnet::inline BITNET_ABI
