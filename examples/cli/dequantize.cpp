#include <cstdio>
#include <filesystem>
#include <memory>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/dequantize_model.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "commands.hpp"
#include "models.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct DequantizeOptions {
    std::filesystem::path packed, output;
    std::string dtype = "fp16";
    bool force = false;
};

/// config.json without what only a packed model has, and every other file of the directory but the weights.
void copy_rest(const std::filesystem::path& from, const std::filesystem::path& to, const std::string& dtype) {
    for (const auto& file : std::filesystem::directory_iterator(from)) {
        const std::string name = file.path().filename().string();
        if (!file.is_regular_file() || name == model_file_name || name == metadata_file_name ||
            name == output_marker_name)
            continue;
        if (name != config_file_name) {
            std::filesystem::copy_file(file.path(), to / name);
            continue;
        }
        const Json config = read_json_file(file.path());
        Json out = Json::object();
        for (const auto& [key, value] : config.as_object(file.path().string()))
            if (key != "quantization_config")
                out.set(key, key == "dtype" || key == "torch_dtype" ? Json(dtype) : value);
        write_file(to / name, to_text(out) + "\n");
    }
}

void dequantize(const DequantizeOptions& options, const CommonOptions& common) {
    // The output of `bitnet compress`, or its quantized/ alone.
    const std::filesystem::path inner = options.packed / quantized_directory_name;
    const std::filesystem::path from = std::filesystem::is_directory(inner) ? inner : options.packed;
    if (!std::filesystem::exists(from))
        throw error(errc::missing, message(from.string(), ": no such file or directory"));
    require_apart(options.packed, options.output);
    const PackedModel packed(from);
    const DType type = type_named(options.dtype);
    AtomicDirectory directory(options.output, options.force, output_marker_name);
    {
        Progress progress("dequantize", common.quiet);
        dequantize_model(packed, directory.path() / model_file_name, type, {&best_kernels(), common.threads},
                         [&](std::string_view tensor, std::size_t done, std::size_t total) {
            progress.update(static_cast<double>(done) / static_cast<double>(total), tensor);
        });
    }
    if (std::filesystem::is_directory(from))
        copy_rest(from, directory.path(), type == DType::F32 ? "float32" : type == DType::BF16 ? "bfloat16" : "float16");
    mark_output(directory.path(), "bitnet dequantize");
    directory.commit();
    const std::uint64_t bytes = std::filesystem::file_size(options.output / model_file_name);
    if (common.json)
        std::puts(to_text(Json::object({{"output", options.output.string()},
                                        {"tensors", packed.tensors().size()},
                                        {"dtype", to_string(type)},
                                        {"bytes", bytes}})).c_str());
    else
        std::printf("%s: %zu tensors, %s\n", options.output.c_str(), packed.tensors().size(), bytes_text(bytes).c_str());
}

}  // namespace

Action add_dequantize(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<DequantizeOptions>();
    app.add_option("PACKED", options->packed, "output of bitnet compress, its quantized/, or a packed file")->required();
    app.add_option("-o,--output", options->output, "directory to write")->required();
    app.add_option("--dtype", options->dtype, "fp32, fp16 or bf16")
        ->check(CLI::IsMember({"fp32", "fp16", "bf16"}))->capture_default_str();
    app.add_flag("--force", options->force, "replace an output that is there");
    return [options, &common] { dequantize(*options, common); };
}

}  // namespace cli
