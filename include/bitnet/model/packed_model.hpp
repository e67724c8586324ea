/// A packed model file, checked before use: its ternary tensors as TernaryPlanes, all others as they stand.
#pragma once

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/io/safetensors.hpp>
#include <bitnet/model/packed_format.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view model_file_name = "model.safetensors";

/// How a tensor stands in a packed file. `plain` was rounded to the type it has, `unchanged` is the original's bytes.
enum class PackedKind { ternary, int8_rows, plain, unchanged };

/// One tensor of the original, by its name.
struct PackedTensor {
    std::string name;
    PackedKind kind = PackedKind::plain;
    PackedEntry entry{};                    ///< of a ternary tensor
    const TensorEntry* data = nullptr;      ///< codes, integers or the tensor itself
    const TensorEntry* scales = nullptr;    ///< null unless ternary or in 8-bit rows
    /// Codes and scales of a ternary tensor's planes behind the first.
    std::vector<std::pair<const TensorEntry*, const TensorEntry*>> more_planes{};
    const TensorEntry* offsets = nullptr;  ///< of a ternary tensor that has them
    Shape shape() const { return kind == PackedKind::ternary ? entry.shape : data->shape; }
    /// Of the original, which may hold inputs first.
    Shape original_shape() const {
        return kind == PackedKind::ternary && entry.transposed ? Shape{entry.shape[1], entry.shape[0]} : shape();
    }
    std::uint64_t stored_bytes() const {
        const auto bytes = [](const TensorEntry* part) { return part == nullptr ? std::uint64_t{0} : part->end - part->begin; };
        std::uint64_t sum = bytes(data) + bytes(scales) + bytes(offsets);
        for (const auto& [codes, scale] : more_planes) sum += bytes(codes) + bytes(scale);
        return sum;
    }
};

/// Opens `quantized/` or the file in it. Names, types and shapes of all tensors are checked against the metadata when
/// it is opened, codes and scales of a tensor when it is read; a file that another program wrote or damaged is
/// errc::bad_file, naming file, tensor and what is wrong with it.
class PackedModel {
public:
    explicit PackedModel(const std::filesystem::path& path)
        : file_(std::filesystem::is_directory(path) ? path / model_file_name : path), metadata_(read_metadata()) {
        for (const auto& [name, entry] : metadata_.tensors) add_ternary(name, entry);
        for (const std::string& name : metadata_.int8_rows) add_int8(name);
        add_plain();
        for (const std::string& name : metadata_.unchanged) part(name);
        std::set<std::string_view> names;
        for (const PackedTensor& tensor : tensors_)
            if (!names.insert(tensor.name).second) refuse(tensor.name, "stored in two forms");
    }

    const PackedMetadata& metadata() const noexcept { return metadata_; }
    const SafetensorsFile& file() const noexcept { return file_; }
    /// Ternary tensors by name, then those in 8-bit rows, then all others in the order of the file.
    const std::vector<PackedTensor>& tensors() const noexcept { return tensors_; }

    /// Codes and scales of a ternary tensor, every byte checked.
    TernaryPlanes ternary(const PackedTensor& tensor, Execution run = execution()) const {
        TernaryPlanes out(plane(tensor.entry, *tensor.data, *tensor.scales, run));
        out.rotation = tensor.entry.rotation;
        for (const auto& [codes, scales] : tensor.more_planes) out.planes.push_back(plane(tensor.entry, *codes, *scales, run));
        if (tensor.offsets != nullptr) out.offsets = floats(*tensor.offsets, run);
        for (std::size_t i = 0; i < out.offsets.size(); ++i)
            if (!is_finite(out.offsets[i])) refuse(tensor.offsets->name, "offset ", out.offsets[i], " at index ", i, "; offsets are finite");
        return out;
    }

    /// A plain F16 or BF16 tensor as it is, in the file; nothing when it is of another kind.
    std::optional<TensorView> halves(const PackedTensor& tensor) const {
        const DType dtype = tensor.data->dtype;
        if (tensor.scales != nullptr || (dtype != DType::F16 && dtype != DType::BF16)) return {};
        return file_.view(*tensor.data);
    }

    /// Says that the pages of a tensor are not needed soon.
    void release(const PackedTensor& tensor) const noexcept {
        file_.release(*tensor.data);
        for (const auto& [codes, scales] : tensor.more_planes) file_.release(*codes);
    }

    /// The elements of a plain F32, F16, BF16 or F64 tensor, or of one kept in 8-bit rows, as floats.
    std::vector<float> floats(const PackedTensor& tensor, Execution run = execution()) const {
        if (tensor.scales == nullptr) return floats(*tensor.data, run);
        const std::vector<float> scales = floats(*tensor.scales, run);
        const std::span<const std::byte> codes = file_.view(*tensor.data).bytes;
        const std::size_t cols = matrix_shape(tensor.data->shape).cols;
        std::vector<float> out(codes.size());
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = scales[i / cols] * static_cast<float>(std::to_integer<std::int8_t>(codes[i]));
        return out;
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse(std::string_view tensor, const Parts&... parts) const {
        throw error(errc::bad_file, message(file_.path().string(), ": tensor ", detail::quote(tensor), ": ", parts...));
    }

    PackedMetadata read_metadata() const {
        const auto found = file_.metadata().find(std::string(packed_metadata_key));
        if (found == file_.metadata().end())
            throw error(errc::bad_file, message(file_.path().string(), ": no \"", packed_metadata_key,
                                                "\" in its metadata: this is not a packed model"));
        return packed_metadata_from_text(found->second, file_.path().string());
    }

    const TensorEntry& part(const std::string& name) const {
        const TensorEntry* const entry = file_.find(name);
        if (entry == nullptr)
            throw error(errc::missing, message(file_.path().string(), ": tensor ", detail::quote(name), " is missing"));
        return *entry;
    }

    void check(const TensorEntry& entry, bool type_fits, const Shape& shape, std::string_view expected) const {
        if (!type_fits || entry.shape != shape)
            refuse(entry.name, to_string(entry.dtype), " of shape ", to_string(entry.shape), ", expected ", expected,
                   " of shape ", to_string(shape));
    }

    TernaryTensor plane(const PackedEntry& entry, const TensorEntry& codes, const TensorEntry& scales, Execution run) const {
        TernaryTensor out;
        out.shape = entry.shape;
        out.layout = metadata_.layout;
        out.group = entry.group;
        out.whole_tensor = entry.whole_tensor;
        out.scale_type = scales.dtype;
        const std::span<const std::byte> bytes = file_.view(codes).bytes;
        out.codes.resize(bytes.size());
        if (!bytes.empty()) std::memcpy(out.codes.data(), bytes.data(), bytes.size());
        file_.release(codes);
        check_codes(codes, out);
        out.scales = floats(scales, run);
        for (std::size_t i = 0; i < out.scales.size(); ++i)
            if (!is_finite(out.scales[i]) || std::signbit(out.scales[i]))
                refuse(scales.name, "scale ", out.scales[i], " at index ", i, "; scales are finite and not negative");
        return out;
    }

    void add_ternary(const std::string& name, const PackedEntry& entry) {
        PackedTensor out{name, PackedKind::ternary, entry};
        for (std::size_t p = 0; p < entry.planes; ++p) {
            const TensorEntry& codes = part(codes_name(name, p));
            const TensorEntry& scales = part(scales_name(name, p));
            check_plane(entry, codes, scales);
            if (p == 0)
                out.data = &codes, out.scales = &scales;
            else
                out.more_planes.emplace_back(&codes, &scales);
        }
        if (entry.offsets) {
            out.offsets = &part(offsets_name(name));
            check(*out.offsets, out.offsets->dtype == out.scales->dtype, out.scales->shape, to_string(out.scales->dtype));
        }
        tensors_.push_back(std::move(out));
    }
    void check_plane(const PackedEntry& entry, const TensorEntry& codes, const TensorEntry& scales) const {
        const MatrixShape matrix = matrix_shape(entry.shape);
        const bool empty = matrix.rows == 0 || matrix.cols == 0;
        check(codes, codes.dtype == DType::U8, {matrix.rows, packed_row_bytes(metadata_.layout, matrix.cols)}, "U8");
        const std::size_t groups = matrix.cols / entry.group + (matrix.cols % entry.group != 0 ? 1 : 0);
        check(scales, scales.dtype == DType::F16 || scales.dtype == DType::BF16 || scales.dtype == DType::F32,
              entry.whole_tensor ? Shape{empty ? 0u : 1u, 1} : Shape{matrix.rows, groups}, "F16, BF16 or F32");
    }

    void add_int8(const std::string& name) {
        const TensorEntry& codes = part(int8_name(name));
        const TensorEntry& scales = part(int8_scales_name(name));
        check(codes, codes.dtype == DType::I8, codes.shape, "I8");
        check(scales, scales.dtype == DType::F32, {matrix_shape(codes.shape).rows}, "F32");
        tensors_.push_back({name, PackedKind::int8_rows, {}, &codes, &scales});
    }

    /// What is no part of a tensor that was added already.
    void add_plain() {
        std::set<const TensorEntry*> parts;
        for (const PackedTensor& tensor : tensors_) {
            parts.insert({tensor.data, tensor.scales, tensor.offsets});
            for (const auto& [codes, scales] : tensor.more_planes) parts.insert({codes, scales});
        }
        for (const TensorEntry& entry : file_.tensors()) {
            if (parts.contains(&entry)) continue;
            const PackedKind kind = metadata_.unchanged.contains(entry.name) ? PackedKind::unchanged : PackedKind::plain;
            if (kind == PackedKind::plain && !is_weight_type(entry.dtype))
                refuse(entry.name, name_of(entry.dtype), ", expected F32, F16, BF16 or F64, or its name under "
                       "\"unchanged\" or \"int8_rows\" in the metadata");
            tensors_.push_back({entry.name, kind, {}, &entry, nullptr});
        }
    }

    /// Bytes that packing never writes, in a row or in the padding at its end.
    void check_codes(const TensorEntry& entry, const TernaryTensor& out) const {
        const std::size_t row_bytes = out.row_bytes(), cols = out.cols();
        visit_layout(out.layout, [&](auto layout) {
            std::vector<std::int8_t> last(layout.codes_per_byte);
            std::vector<std::uint8_t> again(1);
            const std::size_t used = cols % layout.codes_per_byte;
            for (std::size_t i = 0; i < out.codes.size(); ++i) {
                bool valid = layout.valid(out.codes[i]);
                if (valid && used != 0 && (i + 1) % row_bytes == 0) {
                    layout.unpack(std::span(out.codes).subspan(i, 1), std::span(last));
                    layout.pack(std::span<const std::int8_t>(last).first(used), std::span(again));
                    valid = again[0] == out.codes[i];
                }
                if (!valid)
                    refuse(entry.name, "byte ", static_cast<int>(out.codes[i]), " at row ", i / row_bytes,
                           ", byte ", i % row_bytes, " of the row is no ", to_string(out.layout), " byte");
            }
        });
    }

    std::vector<float> floats(const TensorEntry& entry, Execution run) const {
        const TensorView view = file_.view(entry);
        std::vector<float> out;
        const std::span<const float> values = FloatRows(view, *run.kernels).all(out);
        if (out.empty()) out.assign(values.begin(), values.end());
        return out;
    }

    SafetensorsFile file_;
    PackedMetadata metadata_;
    std::vector<PackedTensor> tensors_;
};

}  // namespace bitnet::inline BITNET_ABI
