/// A model directory through a Compressor: one packed file to run, one FP16 file to go on training.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/packed_planes.hpp>
#include <bitnet/core/narrow.hpp>
#include <bitnet/pipeline/model_plan.hpp>
#include <bitnet/pipeline/report.hpp>
#include <bitnet/pipeline/ternary_source.hpp>

namespace bitnet::inline BITNET_ABI {

/// Told after each tensor: which one, and how many of all elements are done.
using CompressionProgress = std::function<void(const TensorReport& tensor, std::uint64_t done, std::uint64_t total)>;

/// The two files that compress_model writes; an empty path leaves one out.
struct CompressionOutputs {
    std::filesystem::path quantized;
    std::filesystem::path dequantized;
};

namespace detail {

/// The same matrix with rows and columns exchanged, element by element of `size` bytes, in blocks that fit a cache.
inline std::vector<std::byte> transpose(std::span<const std::byte> in, std::size_t rows, std::size_t cols, std::size_t size) {
    constexpr std::size_t block = 32;
    std::vector<std::byte> out(in.size());
    for (std::size_t r0 = 0; r0 < rows; r0 += block)
        for (std::size_t c0 = 0; c0 < cols; c0 += block)
            for (std::size_t r = r0; r < std::min(rows, r0 + block); ++r)
                for (std::size_t c = c0; c < std::min(cols, c0 + block); ++c)
                    std::memcpy(&out[(c * rows + r) * size], &in[(r * cols + c) * size], size);
    return out;
}

/// One pass over a model. The files' layout is planned before the first byte is written, so a tensor that turns out
/// not to fit FP16 (a weight over 65504, a scale out of FP16's range) is remembered in `wide`, and the pass that met
/// it is repeated with that known.
template <class Source>
class CompressionPass {
public:
    CompressionPass(const ModelDir& model, const Source& source, const CompressionOutputs& outputs, Execution run,
                    WideTensors& wide)
        : model_(model), source_(source), run_(run), wide_(wide), plan_(model, source, wide) {
        if (!outputs.quantized.empty())
            quantized_ = std::make_unique<SafetensorsWriter>(outputs.quantized, plan_.quantized(), plan_.metadata());
        if (!outputs.dequantized.empty())
            dequantized_ = std::make_unique<SafetensorsWriter>(outputs.dequantized, plan_.dequantized());
    }

    /// False when a tensor was added to `wide` and the files are not to be used.
    bool run(CompressionStats& stats, const CompressionProgress& progress) {
        std::uint64_t done = 0, total = 0;
        for (const ModelTensor& tensor : model_.tensors()) total += element_count(tensor.shape, tensor.name);
        for (std::size_t i = 0; i < model_.tensors().size(); ++i) {
            const ModelTensor& tensor = model_.tensors()[i];
            const auto begin = std::chrono::steady_clock::now();
            TensorReport report{.name = tensor.name, .role = tensor.role, .treatment = plan_.treatment(i), .shape = tensor.shape,
                                .dtype = tensor.dtype, .parameters = tensor.buffer ? 0 : element_count(tensor.shape),
                                .stored_bytes = plan_.stored_bytes(i)};
            write(tensor, report);
            model_.release(tensor);
            report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            done += element_count(tensor.shape);
            if (progress) progress(report, done, total);
            stats.tensors.push_back(std::move(report));
        }
        if (repeat_) return false;
        if (quantized_) stats.quantized_bytes = (quantized_->finish(), quantized_->file_size());
        if (dequantized_) stats.dequantized_bytes = (dequantized_->finish(), dequantized_->file_size());
        stats.original_bytes = model_.original_bytes_fp32();
        return true;
    }

private:
    bool is_wide(const ModelTensor& tensor) const { return wide_.contains(tensor.name); }

    void write(const ModelTensor& tensor, TensorReport& report) {
        switch (report.treatment) {
            case Treatment::ternary: return write_ternary(tensor, report);
            case Treatment::int8_rows: return write_int8(tensor, report);
            case Treatment::unchanged: return write_unchanged(tensor);
            default: return write_kept(tensor, report);
        }
    }

    void needs_more_than_fp16(const ModelTensor& tensor) {
        wide_.insert(tensor.name);
        repeat_ = true;
    }

    /// The tensor under a name that begins errors with the file and what the file calls it.
    TensorView named_view(const ModelTensor& tensor) {
        place_ = place_of(model_, tensor);
        TensorView view = model_.view(tensor);
        view.name = place_;
        return view;
    }

    void require_finite(const TensorView& view) const {
        const FloatRows rows(view, *run_.kernels);
        std::vector<float> buffer;
        for (std::size_t r = 0; r < rows.rows(); ++r) rows.require_finite(r * rows.cols(), rows.row(r, buffer));
    }

    void write_ternary(const ModelTensor& tensor, TensorReport& report) {
        TensorView view = named_view(tensor);
        std::vector<std::byte> turned;
        if (tensor.transposed) {
            require_finite(view);  // an index in the turned matrix would not be the file's
            turned = transpose(view.bytes, tensor.shape[0], tensor.shape[1], bits_of(tensor.dtype) / 8);
            view.shape = oriented_shape(tensor);
            view.bytes = turned;
        }
        const TernaryPlanes& ternary = source_.make(tensor, view, ternary_, run_);
        report.distortion = distortion(view, ternary, run_);
        const DType made = ternary.planes[0].scale_type, planned = source_.scale_type(tensor);
        report.scale_type = is_wide(tensor) ? DType::F32 : made;
        if (made == DType::F32 && planned != DType::F32) {
            report.note = "scales stored as F32: one is outside of the range of " + std::string(to_string(planned));
            if (!is_wide(tensor)) return needs_more_than_fp16(tensor);
        }
        if (quantized_) write_planes(*quantized_, tensor.name, ternary, report.scale_type);
        if (dequantized_) write_dequantized(tensor, ternary, report);
    }

    /// FP16 of α·q. Rows in parallel; a transposed matrix is turned back as a whole.
    void write_dequantized(const ModelTensor& tensor, const TernaryPlanes& ternary, TensorReport& report) {
        const DType type = plan_.trainable_type(tensor, Treatment::ternary);
        const std::size_t cols = ternary.cols(), element = bits_of(type) / 8;
        std::vector<std::byte> whole(tensor.transposed ? ternary.rows() * cols * element : 0);
        std::atomic<bool> fits = true;
        const std::size_t piece = std::max<std::size_t>(1, (1 << 18) / std::max<std::size_t>(1, cols));
        parallel_for(cols == 0 ? 0 : ternary.rows(), piece, run_.threads, [&](std::size_t begin, std::size_t end) {
            std::vector<float> row(cols);
            std::vector<std::byte> bytes;
            for (std::size_t r = begin; r < end; ++r) {
                ternary.dequantize_row(r, row, run_);
                if (!narrow(row, type, bytes)) fits = false;
            }
            if (tensor.transposed)
                std::memcpy(whole.data() + begin * cols * element, bytes.data(), bytes.size());
            else
                dequantized_->write(tensor.name, begin * cols * element, bytes);
        });
        if (tensor.transposed) dequantized_->write(tensor.name, transpose(whole, ternary.rows(), cols, element));
        if (!fits) needs_more_than_fp16(tensor);
        if (type == DType::F32 && report.note.empty()) report.note = "dequantized as F32: a weight is beyond FP16";
    }

    void write_kept(const ModelTensor& tensor, TensorReport& report) {
        const DType stored = kept_type(report.treatment), trainable = plan_.trainable_type(tensor, report.treatment);
        if (is_wide(tensor)) report.note = "kept as F32: a weight is beyond 16 bits";
        const TensorView view = named_view(tensor);
        const FloatRows rows(view, *run_.kernels);
        constexpr std::size_t piece = 1 << 20;
        std::vector<float> buffer;
        for (std::size_t first = 0, count = element_count(tensor.shape); first < count; first += piece) {
            const std::span<const float> values = rows.elements(first, std::min(piece, count - first), buffer);
            rows.require_finite(first, values);
            if (quantized_ && !write_values(*quantized_, tensor.name, first, values, stored)) needs_more_than_fp16(tensor);
            if (dequantized_) {
                std::vector<float> as_stored(values.begin(), values.end());
                if (stored == DType::BF16)
                    for (float& value : as_stored) value = to_float(to_bfloat16(value));
                if (!write_values(*dequantized_, tensor.name, first, as_stored, trainable)) needs_more_than_fp16(tensor);
            }
            const std::size_t element = bits_of(tensor.dtype) / 8;
            model_.files()[tensor.file].release(*tensor.entry, first * element, (first + values.size()) * element);
        }
    }

    static bool write_values(SafetensorsWriter& writer, std::string_view name, std::size_t first,
                             std::span<const float> values, DType type) {
        std::vector<std::byte> bytes;
        const bool fits = narrow(values, type, bytes);
        writer.write(name, first * bits_of(type) / 8, bytes);
        return fits;
    }

    void write_int8(const ModelTensor& tensor, TensorReport& report) {
        const TensorView view = named_view(tensor);
        const FloatRows rows(view, *run_.kernels);
        const std::size_t cols = rows.rows() == 0 ? 0 : rows.cols();
        std::vector<float> buffer, image(cols), scales(rows.rows());
        std::vector<std::int8_t> codes(cols);
        const DType trainable = plan_.trainable_type(tensor, report.treatment);
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            const std::span<const float> row = rows.row(r, buffer);
            rows.require_finite(r * rows.cols(), row);
            scales[r] = narrow_to_int8(row, codes);
            if (quantized_) quantized_->write(int8_name(tensor.name), r * rows.cols(), std::as_bytes(std::span(codes)));
            if (!dequantized_) continue;
            for (std::size_t c = 0; c < image.size(); ++c) image[c] = scales[r] * static_cast<float>(codes[c]);
            if (!write_values(*dequantized_, tensor.name, r * rows.cols(), image, trainable)) needs_more_than_fp16(tensor);
        }
        if (quantized_) quantized_->write(int8_scales_name(tensor.name), std::as_bytes(std::span(scales)));
    }

    void write_unchanged(const ModelTensor& tensor) {
        const TensorView view = named_view(tensor);
        if (quantized_) quantized_->write(tensor.name, view.bytes);
        if (dequantized_) dequantized_->write(tensor.name, view.bytes);
    }

    const ModelDir& model_;
    const Source& source_;
    Execution run_;
    WideTensors& wide_;
    ModelPlan<Source> plan_;
    std::unique_ptr<SafetensorsWriter> quantized_, dequantized_;
    TernaryPlanes ternary_{};  // one for all tensors, for its memory
    std::string place_{};      // of the tensor at hand, for errors
    bool repeat_ = false;
};

}  // namespace detail

/// Streams a model tensor by tensor into the files of `outputs`, which must not exist; what becomes ternary is the source's, see
/// ternary_source.hpp.
///
/// Memory stays near the largest tensor: pages of the input are released after use. What is written depends on the
/// model and the source alone. Errors are those of the source and of SafetensorsWriter; files are then incomplete, so
/// write into an AtomicDirectory.
template <class Source>
CompressionStats write_compressed(const ModelDir& model, const Source& source, const CompressionOutputs& outputs, Execution run = execution(),
                                  const CompressionProgress& progress = {}) {
    const auto begin = std::chrono::steady_clock::now();
    WideTensors wide;
    for (;;) {
        CompressionStats stats;
        if (detail::CompressionPass<Source>(model, source, outputs, run, wide).run(stats, progress)) {
            stats.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
            return stats;
        }
        for (const auto& path : {outputs.quantized, outputs.dequantized})
            if (!path.empty()) std::filesystem::remove(path);
    }
}

/// The same through a Compressor: each tensor is rounded as it comes.
template <class Compressor>
CompressionStats compress_model(const ModelDir& model, const Compressor& compressor, const CompressionOutputs& outputs,
                                Execution run = execution(), const CompressionProgress& progress = {}) {
    return write_compressed(model, RoundedTensors<Compressor>{compressor}, outputs, run, progress);
}

}  // namespace bitnet::inline BITNET_ABI
