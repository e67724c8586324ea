/// Reading config.json: which architecture, all its sizes, and whether the weights are plain.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/architecture.hpp>
#include <bitnet/model/config_reader.hpp>
#include <bitnet/model/model_config.hpp>

namespace bitnet::inline BITNET_ABI {

inline constexpr std::string_view config_file_name = "config.json";
/// quantization_config.quant_method of the models that this library writes; other programs then refuse them.
inline constexpr std::string_view packed_quant_method = "bitnet-cpp";

namespace detail {

/// architectures[0] decides, and model_type only where that is absent: a class of another purpose (a classifier on
/// a Llama) has Llama's model_type and other tensors.
inline const Architecture& configured_architecture(const ConfigReader& keys) {
    const std::vector<std::string> classes = keys.texts("architectures");
    const std::string type = classes.empty() ? keys.text("model_type", "") : "";
    const auto member = classes.empty() ? &Architecture::model_type : &Architecture::class_name;
    const std::string& value = classes.empty() ? type : classes[0];
    if (value.empty())
        throw error(errc::missing, message(keys.where("architectures"), " and model_type are missing: the "
                                           "architecture cannot be known"));
    if (const Architecture* found = find_architecture(member, value)) return *found;
    throw error(errc::unsupported, message(keys.where("architecture"), " ", detail::quote(value),
                                           " is unknown; known: ", known_architectures(member)));
}

inline void read_quantization(const ConfigReader& config, ModelConfig& out) {
    const std::optional<ConfigReader> keys = config.dictionary("quantization_config");
    if (!keys) return;
    out.quant_method = keys->text("quant_method", "");
    if (out.quant_method != "bitnet" && out.quant_method != packed_quant_method)
        throw error(errc::unsupported,
                    message(keys->where("quant_method"), " ", detail::quote(out.quant_method),
                            " is not supported: the weights are quantized already; start from the original model"));
    if (keys->flag("use_rms_norm", false))
        throw error(errc::unsupported, message(keys->where("use_rms_norm"), " is not supported"));
    out.packed_weights = true;
    if (out.quant_method != "bitnet") return;
    out.scale_multiplies = keys->one_of("linear_class", {"bitlinear", "autobitlinear"}) == "autobitlinear";
    // The other class ignores the mode: its weights are always packed.
    out.packed_weights = keys->one_of("quantization_mode", {"offline", "online"}) == "offline" || !out.scale_multiplies;
    out.dense_modules = keys->texts("modules_to_not_convert");
    for (const std::string& module : out.dense_modules)
        if (module.empty() || module.find_first_of("*?+()[]{}|^$\\") != module.npos)
            throw error(errc::unsupported, message(keys->where("modules_to_not_convert"), ": ", detail::quote(module),
                                                   " is a pattern; names of modules are expected"));
}

/// "float16" or "torch.float16"; nothing for a type that no weight is stored in here.
inline std::optional<DType> dtype_hint(const ConfigReader& keys) {
    const std::string_view key = keys.first_of("dtype", "torch_dtype");
    std::string name = keys.is_null(key) ? "" : keys.text(key, "");
    if (name.starts_with("torch.")) name.erase(0, 6);
    if (name == "float16") return DType::F16;
    if (name == "bfloat16") return DType::BF16;
    if (name == "float32") return DType::F32;
    if (name == "float64") return DType::F64;
    return std::nullopt;
}

}  // namespace detail

/// The configuration in an object that was read from `file`. `architecture`, where it is given, is used instead of
/// the one the file names: for a class of the same structure under another name.
///
/// Errors  errc::unsupported: unknown architecture, activation, rotation or quantization; errc::bad_value: a key of
///         the wrong type or outside its range; errc::missing: no architecture. Each names the file and the key.
inline ModelConfig parse_model_config(const Json& json, std::string_view file, std::string_view architecture = {}) {
    json.as_object(file);
    const ConfigReader keys(json, file);
    const Architecture& family =
        architecture.empty() ? detail::configured_architecture(keys) : architecture_named(architecture);
    ModelConfig config;
    config.architecture = family.name;
    config.class_name = family.class_name;
    family.configure(keys, config);
    detail::read_quantization(keys, config);
    config.dtype = detail::dtype_hint(keys);
    config.json = json;
    return config;
}

/// The configuration of the model in `directory`.
///
/// Errors  as above; errc::missing when there is no config.json; errc::unsupported for a folder of adapters
inline ModelConfig read_model_config(const std::filesystem::path& directory, std::string_view architecture = {}) {
    if (std::filesystem::exists(directory / "adapter_config.json"))
        throw error(errc::unsupported, message(directory.string(), ": adapter_config.json: an adapter is not a model; "
                                               "merge it into its base model first"));
    const std::filesystem::path path = directory / config_file_name;
    return parse_model_config(read_json_file(path), path.string(), architecture);
}

}  // namespace bitnet::inline BITNET_ABI
