/// Ternary weights as the transformers library packs them ("quant_method": "bitnet"), turned into ours.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/compress/float_rows.hpp>
#include <bitnet/compress/ternary_tensor.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/tensor_view.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/architecture/description.hpp>

namespace bitnet::inline BITNET_ABI {

/// Name of the tensor that holds the scale of the packed tensor `weight`.
inline std::string hf_bitnet_scale_name(std::string_view weight) { return message(weight, "_scale"); }

/// Whether transformers makes a BitNet layer of the linear layer with this weight: every linear layer is one but those
/// that modules_to_not_convert names by their path, by the path of a module around them, or by the end of their path.
/// GPT-2's transposed layers are of another class and stay dense, and so does the head, whatever the list says.
inline bool is_hf_bitnet_layer(const ModelConfig& config, const TensorSpec& weight) {
    if (config.quant_method != "bitnet" || weight.transposed) return false;
    if (weight.role != TensorRole::attention && weight.role != TensorRole::feed_forward) return false;
    std::string_view layer = weight.name;
    layer.remove_suffix(std::min(layer.size(), std::string_view(".weight").size()));
    return std::none_of(config.dense_modules.begin(), config.dense_modules.end(), [layer](const std::string& module) {
        const bool around = layer.starts_with(module) && (layer.size() == module.size() || layer[module.size()] == '.');
        return around || layer.ends_with(module);
    });
}

/// Whether type and shape of a packed tensor and its scale are those of a matrix of `shape`: U8 (rows / 4, columns) and
/// one F16, BF16, F32 or F64. `where` is the file, `extents` are the keys of config.json that the shape comes from.
///
/// Errors  errc::unsupported for another type, errc::bad_shape for another shape; both name file and tensor
template <class Stored>  // whatever has a name, a dtype and a shape
void check_hf_bitnet(const Stored& codes, const Stored& scale, const Shape& shape, std::string_view extents,
                     std::string_view where) {
    const auto refuse = [where](errc code, const Stored& tensor, const auto&... parts) {
        throw error(code, message(where, ": tensor ", detail::quote(tensor.name), ": ", parts...));
    };
    if (codes.dtype != DType::U8)
        refuse(errc::unsupported, codes, "stored as ", name_of(codes.dtype), "; packed weights of \"bitnet\" are U8");
    if (shape.size() != 2 || shape[0] % 4 != 0)
        refuse(errc::bad_shape, codes, "only a matrix of a multiple of 4 rows can be packed, not ", to_string(shape), " = ",
               extents);
    if (const Shape packed{shape[0] / 4, shape[1]}; codes.shape != packed)
        refuse(errc::bad_shape, codes, "shape ", to_string(codes.shape), ", expected ", to_string(packed),
               ", a quarter of the rows of ", to_string(shape), " = ", extents);
    if (!is_weight_type(scale.dtype))
        refuse(errc::unsupported, scale, "stored as ", name_of(scale.dtype), "; scales are F16, BF16, F32 or F64");
    if (element_count(scale.shape, scale.name) != 1)
        refuse(errc::bad_shape, scale, "shape ", to_string(scale.shape), ", expected (1), one scale for the whole tensor");
}

namespace detail {

/// The two bits k of every byte as one row of trit2.
inline void hf_bitnet_row(std::span<const std::uint8_t> packed, unsigned k, std::span<std::uint8_t> row) noexcept {
    const auto code = [packed, k](std::size_t c) { return (static_cast<unsigned>(packed[c]) >> (2 * k)) & 3u; };
    const std::size_t whole = packed.size() / 4;
    for (std::size_t b = 0; b < whole; ++b)
        row[b] = static_cast<std::uint8_t>(code(4 * b) | code(4 * b + 1) << 2 | code(4 * b + 2) << 4 | code(4 * b + 3) << 6);
    if (4 * whole == packed.size()) return;
    unsigned last = 0x55;
    for (std::size_t c = 4 * whole; c < packed.size(); ++c) {
        const auto shift = static_cast<unsigned>(2 * (c % 4));
        last = (last & ~(3u << shift)) | code(c) << shift;
    }
    row[whole] = static_cast<std::uint8_t>(last);
}

}  // namespace detail

/// The matrix that a packed tensor holds, with two-bit codes and one scale for all of it.
///
///     byte (r, c) = q[r, c] | q[r+R, c] << 2 | q[r+2R, c] << 4 | q[r+3R, c] << 6        q = code + 1, R = rows / 4
///     scale of codes = stored scale if scale_multiplies (layers of class "autobitlinear"), else 1 / stored scale
///
/// codes   U8 (R, columns)    scale   one F16, BF16, F32 or F64 above 0
/// Errors  those of check_hf_bitnet; errc::bad_file for two bits that are 3 and for a scale that is not finite or not
///         above 0; all name the file, which is `where`, and the tensor
/// Source  transformers, class BitLinear
inline TernaryTensor read_hf_bitnet(const TensorView& codes, const TensorView& scale, bool scale_multiplies,
                                    std::string_view where, Execution run) {
    const MatrixShape stored = matrix_shape(codes.shape);
    const Shape shape{checked_product(stored.rows, 4, codes.name), stored.cols};
    check_hf_bitnet(codes, scale, shape, "(rows, columns)", where);
    const auto refuse = [where](std::string_view tensor, const auto&... parts) {
        throw error(errc::bad_file, message(where, ": tensor ", detail::quote(tensor), ": ", parts...));
    };
    std::vector<float> buffer;
    const float value = FloatRows(scale, *run.kernels).all(buffer)[0];
    const float alpha = scale_multiplies ? value : 1.0f / value;
    if (!is_finite(value) || !is_finite(alpha) || value <= 0)
        refuse(scale.name, "scale ", value, "; expected a finite number above 0");

    TernaryTensor out{.shape = shape, .group = std::max<std::size_t>(1, stored.cols), .whole_tensor = true,
                      .scale_type = DType::F32, .scales = {alpha}};
    const std::size_t row_bytes = out.row_bytes();
    out.codes.resize(shape[0] * row_bytes);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(codes.bytes.data());
    const std::size_t rows_per_piece = std::max<std::size_t>(1, (std::size_t{1} << 16) / out.group);
    parallel_for(stored.rows, rows_per_piece, run.threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
            const std::span packed(bytes + r * stored.cols, stored.cols);
            const auto wrong = std::find_if_not(packed.begin(), packed.end(), pack::Trit2::valid<>);
            if (wrong != packed.end())
                refuse(codes.name, "byte ", static_cast<int>(*wrong), " at row ", r, ", column ", wrong - packed.begin(),
                       " holds the code 3; codes are 0, 1 and 2");
            for (unsigned k = 0; k < 4; ++k)
                detail::hf_bitnet_row(packed, k, std::span(out.codes).subspan((k * stored.rows + r) * row_bytes, row_bytes));
        }
    });
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
