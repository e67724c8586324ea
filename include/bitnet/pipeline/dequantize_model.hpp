/// The way back: dense weights out of a packed model.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/model/packed_model.hpp>

namespace bitnet::inline BITNET_ABI {

/// Told after each tensor.
using DequantizationProgress = std::function<void(std::string_view tensor, std::size_t done, std::size_t total)>;

/// Writes every tensor of a packed model as α·q, or as it was kept, in one type; tensors that compression left
/// unchanged stay as they are. Shapes and names are the original's. A weight that the type cannot hold, as FP16 cannot
/// hold 70000, is errc::unsupported, naming the tensor.
///
/// type  F32, F16 or BF16; rounding is to nearest, ties to even
inline void dequantize_model(const PackedModel& packed, const std::filesystem::path& file, DType type,
                             Execution run = execution(), const DequantizationProgress& progress = {}) {
    std::vector<PlannedTensor> plan;
    const auto converts = [](const PackedTensor& tensor) {
        return tensor.kind != PackedKind::unchanged;
    };
    for (const PackedTensor& tensor : packed.tensors())
        plan.push_back({tensor.name, converts(tensor) ? type : tensor.data->dtype, tensor.original_shape()});
    SafetensorsWriter writer(file, plan);
    std::size_t done = 0;
    for (const PackedTensor& tensor : packed.tensors()) {
        std::vector<std::byte> bytes;
        bool fits = true;
        if (tensor.kind == PackedKind::ternary) {
            const TernaryPlanes ternary = packed.ternary(tensor, run);
            std::vector<float> row(ternary.rows() == 0 ? 0 : ternary.cols());
            for (std::size_t r = 0; r < (row.empty() ? 0 : ternary.rows()); ++r) {
                ternary.dequantize_row(r, row, run);
                fits = narrow(row, type, bytes) && fits;
            }
            if (tensor.entry.transposed)
                bytes = detail::transpose(bytes, ternary.rows(), ternary.cols(), bits_of(type) / 8);
        } else if (converts(tensor)) {
            fits = narrow(packed.floats(tensor, run), type, bytes);
        } else {
            const auto view = packed.file().view(*tensor.data).bytes;
            bytes.assign(view.begin(), view.end());
        }
        if (!fits)
            throw error(errc::unsupported, message(packed.file().path().string(), ": tensor ", detail::quote(tensor.name),
                                                   ": a weight is beyond what ", to_string(type), " holds"));
        writer.write(tensor.name, bytes);
        packed.release(tensor);
        if (progress) progress(tensor.name, ++done, packed.tensors().size());
    }
    writer.finish();
}

}  // namespace bitnet::inline BITNET_ABI
