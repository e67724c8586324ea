/// The two model directories that a compression leaves, whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/model/packed_model.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view quantized_directory_name = "quantized";
inline constexpr std::string_view dequantized_directory_name = "dequantized";
/// A small file in directories that would otherwise look like anybody's model, so that a forced run replaces only what
/// an earlier run made.
inline constexpr std::string_view output_marker_name = "bitnet_output.json";
inline void mark_output(const std::filesystem::path& directory, std::string_view made_by) {
    write_file(directory / output_marker_name,
               to_text(Json::object({{"made_by", made_by}, {"bitnet_version", BITNET_VERSION}})) + "\n");
}

/// Throws errc::bad_value when one of two directories lies inside the other: an output must not land in its input.
inline void require_apart(const std::filesystem::path& input, const std::filesystem::path& output) {
    const auto whole = [](const std::filesystem::path& path) { return std::filesystem::weakly_canonical(path); };
    const auto inside = [](const std::filesystem::path& inner, const std::filesystem::path& outer) {
        const auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
        return end == outer.end();
    };
    if (inside(whole(output), whole(input)) || inside(whole(input), whole(output)))
        throw error(errc::bad_value, message("output ", output.string(), " and input ", input.string(),
                                             " lie inside each other; choose another output"));
}

/// config.json of an output: that of the original, unknown keys included, with the new type and, for a packed model, a
/// quantization_config that keeps other programs from misreading it. A dense model has none: its weights are what they
/// are, not to be rounded once more when it runs. Nothing for a model without a configuration.
inline void write_config(const ModelDir& model, const std::filesystem::path& directory, bool packed) {
    if (!model.config()) return;
    Json config = Json::object();
    for (const auto& [key, value] : model.config()->json.as_object())
        if (packed || key != "quantization_config") config.set(key, value);
    config.set(config.find("dtype") != nullptr ? "dtype" : "torch_dtype", Json("float16"));
    config.set("tie_word_embeddings", model.tied_head());
    if (packed)
        config.set("quantization_config", Json::object({{"quant_method", packed_quant_method},
                                                        {"format", packed_format_version}}));
    write_file(directory / config_file_name, to_text(config) + "\n");
}

/// Which of the two models are written.
struct WantedOutputs {
    bool quantized = true;
    bool dequantized = true;
};

/// Makes the directories inside `root` with everything but the tensors, and says where the tensors go.
inline CompressionOutputs prepare_outputs(const ModelDir& model, const std::filesystem::path& root, WantedOutputs wanted) {
    CompressionOutputs out;
    const auto prepare = [&](std::string_view name, bool packed) {
        const std::filesystem::path directory = root / name;
        if (std::error_code reason; !std::filesystem::create_directory(directory, reason))
            throw error(errc::io, message(directory.string(), ": cannot create: ", reason.message()));
        write_config(model, directory, packed);
        copy_companions(model.path(), directory);
        return directory / model_file_name;
    };
    if (wanted.quantized) out.quantized = prepare(quantized_directory_name, true);
    if (wanted.dequantized) out.dequantized = prepare(dequantized_directory_name, false);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
