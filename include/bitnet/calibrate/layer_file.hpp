/// What calibration has made of a layer, on disk, so that a calibration that was killed goes on behind it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/calibrate/refine.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/model/packed_planes.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view layer_about_key = "about";

/// Writes matrices that have become ternary, as a packed model does, and vectors beside them in FP32.
///
/// matrices: of one layout; moved: places of the vectors; calibration: whose layer it is; figures: how the matrices were fitted
/// Errors  errc::io; the file is whole or not there
inline void write_layer(const std::filesystem::path& file, const Parameters<float>& parameters, std::span<const MadeMatrix> matrices,
                        std::span<const std::size_t> moved, const Json& calibration, const Json& figures) {
    std::vector<PlannedTensor> plan;
    PackedMetadata packed{.policies = Json::object()};
    for (const MadeMatrix& one : matrices) {
        const std::string& name = parameters[one.parameter].spec.name;
        const PackedEntry entry = entry_of(one.planes, false);
        packed.layout = one.planes.planes.at(0).layout;
        plan_planes(name, entry, packed.layout, one.planes.planes.at(0).scale_type, plan);
        packed.tensors.emplace(name, entry);
    }
    for (const std::size_t i : moved) plan.push_back({parameters[i].spec.name, DType::F32, {parameters[i].value.rows(), parameters[i].value.cols()}});
    std::filesystem::path unfinished = file;
    std::error_code ignored;
    std::filesystem::remove(unfinished += ".new", ignored);
    try {
        SafetensorsWriter writer(unfinished, std::move(plan), {{std::string(packed_metadata_key), to_text(packed)}, {std::string(layer_about_key), to_text(Json::object({{"calibration", calibration}, {"figures", figures}}), -1)}});
        for (const MadeMatrix& one : matrices) write_planes(writer, parameters[one.parameter].spec.name, one.planes, one.planes.planes[0].scale_type);
        for (const std::size_t i : moved) writer.write(parameters[i].spec.name, std::as_bytes(std::span<const float>(parameters[i].value.values())));
        writer.finish();
        detail::rename_or_throw(unfinished, file);
    } catch (...) {
        std::filesystem::remove(unfinished, ignored);
        throw;
    }
}

/// What write_layer() wrote, and the places of the vectors among the parameters.
struct KeptLayer {
    std::vector<MadeMatrix> matrices{};
    std::vector<std::pair<std::size_t, std::vector<float>>> moved{};
    Json figures{};
};

/// Nothing where there is no such file, or one of another calibration.
///
/// Errors  errc::bad_file, errc::missing, errc::bad_shape and errc::not_finite naming file and tensor
inline std::optional<KeptLayer> read_layer(const std::filesystem::path& file, const Json& calibration, const Parameters<float>& parameters, Execution run) {
    if (!std::filesystem::exists(file)) return std::nullopt;
    const PackedModel packed(file);
    const auto about = packed.file().metadata().find(std::string(layer_about_key));
    if (about == packed.file().metadata().end()) throw error(errc::missing, message(file.string(), ": its metadata has no ", detail::quote(layer_about_key)));
    const Json said = parse_json(about->second, file.string());
    if (to_text(said.at("calibration", file.string())) != to_text(calibration)) return std::nullopt;
    KeptLayer out{.figures = said.at("figures", file.string())};
    for (const PackedTensor& tensor : packed.tensors()) {
        const std::size_t i = parameters.find(tensor.name);
        if (i == Parameters<float>::none || tensor.shape() != Shape{parameters[i].value.rows(), parameters[i].value.cols()})
            throw error(errc::bad_shape, message(file.string(), ": tensor ", detail::quote(tensor.name), " of shape ", to_string(tensor.shape()), " is none of this model's"));
        if (tensor.kind == PackedKind::ternary) {
            out.matrices.push_back({i, packed.ternary(tensor, run)});
            continue;
        }
        std::vector<float> values = packed.floats(tensor, run);
        if (!std::ranges::all_of(values, [](float value) { return is_finite(value); }))
            throw error(errc::not_finite, message(file.string(), ": tensor ", detail::quote(tensor.name), " is not finite"));
        out.moved.emplace_back(i, std::move(values));
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
