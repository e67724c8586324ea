/// compression_metadata.json: what was done to a model, for programs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/pipeline/report.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view metadata_file_name = "compression_metadata.json";
/// The same for people: the page that report_html makes of it.
inline constexpr std::string_view report_file_name = "report.html";

/// Writes an object as compression_metadata.json of a directory that exists; what is there is replaced.
/// Errors  errc::bad_value for any other kind of value; errc::io
inline void save_compression_metadata(const std::filesystem::path& directory, const Json& metadata) {
    const std::filesystem::path file = directory / metadata_file_name;
    metadata.as_object(file.string());
    write_file(file, to_text(metadata) + "\n");
}
/// The same object again.
/// Errors  those of read_json_file; errc::bad_value for anything but an object
inline Json load_compression_metadata(const std::filesystem::path& directory) {
    const std::filesystem::path file = directory / metadata_file_name;
    Json out = read_json_file(file);
    out.as_object(file.string());
    return out;
}

namespace detail {
inline Json shape_to_json(const Shape& shape) {
    Json::Array out;
    for (const std::size_t extent : shape) out.emplace_back(extent);
    return Json::array(std::move(out));
}
}  // namespace detail

/// Shares of codes and errors. sqnr_db is null where there is no error at all.
inline Json to_json(const Distortion& distortion) {
    const double sqnr = distortion.sqnr_db();
    return Json::object({{"minus", distortion.share(-1)},
                         {"zeros", distortion.zeros()},
                         {"plus", distortion.share(1)},
                         {"relative_error", distortion.relative_error()},
                         {"sqnr_db", is_finite(sqnr) ? Json(sqnr) : Json(nullptr)},
                         {"cosine", distortion.cosine()},
                         {"max_error", distortion.max_error()}});
}

inline Json to_json(const TensorReport& tensor) {
    Json out = Json::object({{"name", tensor.name},
                             {"role", to_string(tensor.role)},
                             {"treatment", to_string(tensor.treatment)},
                             {"shape", detail::shape_to_json(tensor.shape)},
                             {"dtype", to_string(tensor.dtype)},
                             {"stored_bytes", tensor.stored_bytes},
                             {"bits_per_weight", tensor.bits_per_weight()},
                             {"seconds", tensor.seconds}});
    if (tensor.treatment == Treatment::ternary) {
        out.set("scale_type", to_string(tensor.scale_type));
        out.set("distortion", to_json(tensor.distortion));
    }
    if (!tensor.note.empty()) out.set("note", tensor.note);
    return out;
}

/// Sums first, then every tensor. Sizes in bytes, times in seconds.
inline Json to_json(const CompressionStats& stats) {
    Json::Array tensors;
    for (const TensorReport& tensor : stats.tensors) tensors.push_back(to_json(tensor));
    return Json::object({{"compression_ratio", stats.compression_ratio()},
                         {"sparsity_ratio", stats.sparsity_ratio()},
                         {"layers_quantized", stats.layers_quantized()},
                         {"layers_preserved", stats.layers_preserved()},
                         {"total_params", stats.total_params()},
                         {"quantized_params", stats.quantized_params()},
                         {"original_bytes", stats.original_bytes},
                         {"quantized_bytes", stats.quantized_bytes},
                         {"dequantized_bytes", stats.dequantized_bytes},
                         {"seconds", stats.seconds},
                         {"distortion", to_json(stats.distortion())},
                         {"tensors", Json::array(std::move(tensors))}});
}

}  // namespace bitnet::inline BITNET_ABI
