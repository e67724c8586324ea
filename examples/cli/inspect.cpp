#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "commands.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct InspectOptions {
    std::filesystem::path path;
    std::string tensor;
    std::string architecture;
    bool gradient_flow = false;
};

/// Smallest, largest, mean and spread of floating-point values.
struct Values {
    double smallest = 0, largest = 0, mean = 0, deviation = 0;
};

Values values_of(std::span<const float> values) {
    Values out;
    if (values.empty()) return out;
    out.smallest = out.largest = static_cast<double>(values[0]);
    double squares = 0;
    for (const float value : values) {
        const auto x = static_cast<double>(value);
        out.smallest = std::min(out.smallest, x);
        out.largest = std::max(out.largest, x);
        out.mean += x;
        squares += x * x;
    }
    out.mean /= static_cast<double>(values.size());
    out.deviation = std::sqrt(std::max(0.0, squares / static_cast<double>(values.size()) - out.mean * out.mean));
    return out;
}

Json values_to_json(const Values& values) {
    return Json::object({{"min", values.smallest}, {"max", values.largest}, {"mean", values.mean}, {"std", values.deviation}});
}

/// Rows for the table and objects for --json, filled by one of the functions below.
struct Listing {
    Json summary = Json::object();
    Json::Array tensors{};
    Table table;
    std::vector<std::string> lines{};
};

Json::Array json_shape(const Shape& shape) {
    Json::Array out;
    for (const std::size_t extent : shape) out.emplace_back(extent);
    return out;
}

[[noreturn]] void no_such_tensor(const std::filesystem::path& path, const std::string& wanted) {
    throw error(errc::missing, message(path.string(), ": no tensor is called \"", wanted, "\""));
}

Listing list_packed(const PackedModel& packed, const InspectOptions& options) {
    Listing out{.table = Table({"tensor", "shape", "stored as", "scales", "bits", "zeros"})};
    std::uint64_t bytes = 0, elements = 0;
    Distortion all;
    for (const PackedTensor& tensor : packed.tensors()) {
        if (!options.tensor.empty() && tensor.name != options.tensor) continue;
        const std::size_t count = element_count(tensor.shape());
        const double bits = count == 0 ? 0 : 8.0 * static_cast<double>(tensor.stored_bytes()) / static_cast<double>(count);
        std::string stored(to_string(tensor.data->dtype)), scales, zeros;
        Json row = Json::object({{"name", tensor.name}, {"shape", Json::array(json_shape(tensor.original_shape()))}});
        if (tensor.kind == PackedKind::ternary) {
            const TernaryPlanes made = packed.ternary(tensor, {&best_kernels(), 1});
            const TernaryTensor& ternary = made.planes[0];
            Distortion codes;
            std::vector<std::int8_t> code(ternary.rows() == 0 ? 0 : ternary.cols());
            for (const TernaryTensor& plane : made.planes)
                for (std::size_t r = 0; r < (code.empty() ? 0 : plane.rows()); ++r) {
                    plane.codes_of_row(r, code, {&best_kernels(), 1});
                    for (const std::int8_t c : code) ++codes.codes[static_cast<std::size_t>(c + 1)];
                }
            stored = to_string(ternary.layout);
            if (made.planes.size() > 1) stored = message(made.planes.size(), " x ", stored);
            if (!made.offsets.empty()) stored += ", offsets";
            if (made.rotation) stored += ", rotated";
            scales = message(to_string(ternary.scale_type), " x ", ternary.scales.size() * made.planes.size());
            zeros = fixed(100 * codes.zeros(), 1) + " %";
            row.set("zeros", codes.zeros());
            row.set("scale_type", to_string(ternary.scale_type));
            row.set("scales", ternary.scales.size() * made.planes.size());
            row.set("planes", made.planes.size());
            row.set("offsets", made.offsets.size());
            row.set("rotated", bool(made.rotation));
            row.set("transposed", tensor.entry.transposed);
            if (!options.tensor.empty()) row.set("scale_values", values_to_json(values_of(ternary.scales)));
            if (!options.tensor.empty() && !made.offsets.empty()) row.set("offset_values", values_to_json(values_of(made.offsets)));
            all += codes;
        } else if (!options.tensor.empty() && (tensor.kind == PackedKind::int8_rows || is_weight_type(tensor.data->dtype))) {
            row.set("values", values_to_json(values_of(packed.floats(tensor))));
        }
        row.set("stored_as", stored);
        row.set("bits_per_weight", bits);
        bytes += tensor.stored_bytes();
        elements += count;
        out.table.add({tensor.name, to_string(tensor.original_shape()), stored, scales, fixed(bits, 2), zeros});
        out.tensors.push_back(std::move(row));
    }
    if (out.tensors.empty() && !options.tensor.empty()) no_such_tensor(options.path, options.tensor);
    out.summary.set("kind", "packed");
    out.summary.set("policies", packed.metadata().policies);
    out.summary.set("parameters", elements);
    out.summary.set("bytes", bytes);
    out.summary.set("zeros", all.zeros());
    out.lines = {message("packed model, ", elements, " parameters in ", bytes_text(bytes), ", ", fixed(100 * all.zeros(), 1),
                         " % of the ternary codes are zero")};
    for (const auto& [role, text] : packed.metadata().policies.as_object())
        out.lines.push_back(message(role, ": ", text.as_string()));
    return out;
}

/// Bytes of the weights of a model in memory, by precision; "ternary" is 2 bits and an FP16 scale for 64 weights, of the
/// matrices that the default recipe makes ternary, and FP16 for all others.
Json memory_of(const ModelDir& model) {
    std::size_t ternary = 0;
    for (const auto& [role, count] : model.parameters_by_role())
        if (role == TensorRole::attention || role == TensorRole::feed_forward) ternary += count;
    const std::size_t all = model.parameter_count();
    return Json::object({{"fp32", 4 * all}, {"fp16", 2 * all}, {"ternary", 2 * (all - ternary) + ternary / 4 + ternary / 32}});
}

Listing list_model(const ModelDir& model, const InspectOptions& options) {
    Listing out{.table = Table({"tensor", "shape", "dtype", "role"})};
    for (const ModelTensor& tensor : model.tensors()) {
        if (!options.tensor.empty() && tensor.name != options.tensor && tensor.stored_name != options.tensor) continue;
        Json row = Json::object({{"name", tensor.name},
                                 {"stored_name", tensor.stored_name},
                                 {"shape", Json::array(json_shape(tensor.shape))},
                                 {"dtype", to_string(tensor.dtype)},
                                 {"role", to_string(tensor.role)},
                                 {"file", model.files()[tensor.file].path().filename().string()}});
        if (!options.tensor.empty() && is_weight_type(tensor.dtype)) {
            const TensorView view = model.view(tensor);
            std::vector<float> buffer;
            const Values values = values_of(FloatRows(view, best_kernels()).all(buffer));
            row.set("values", values_to_json(values));
            out.lines.push_back(message("min ", values.smallest, ", max ", values.largest, ", mean ", values.mean, ", std ",
                                        values.deviation));
        }
        out.table.add({tensor.name, to_string(tensor.shape), std::string(to_string(tensor.dtype)),
                       std::string(to_string(tensor.role))});
        out.tensors.push_back(std::move(row));
    }
    if (out.tensors.empty() && !options.tensor.empty()) no_such_tensor(options.path, options.tensor);
    out.summary.set("kind", "model");
    out.summary.set("architecture", model.config() ? model.config()->class_name : "generic");
    out.summary.set("parameters", model.parameter_count());
    out.summary.set("tied_head", model.tied_head());
    Json roles = Json::object();
    out.lines.push_back(message(model.config() ? model.config()->class_name : "generic", ", ", model.parameter_count(),
                                " parameters, ", bytes_text(model.original_bytes_fp32()), " at FP32",
                                model.tied_head() ? ", head tied to the embedding" : ""));
    for (const auto& [role, count] : model.parameters_by_role()) {
        roles.set(std::string(to_string(role)), count);
        out.lines.push_back(message(to_string(role), ": ", count));
    }
    out.summary.set("parameters_by_role", std::move(roles));
    const Json memory = memory_of(model);
    const auto bytes = [&](const char* precision) { return bytes_text(memory.at(precision, "memory").as_unsigned()); };
    out.lines.push_back(message("memory: ", bytes("fp32"), " in FP32, ", bytes("fp16"), " in FP16, ", bytes("ternary"),
                                " with ternary matrices"));
    out.summary.set("memory_bytes", memory);
    Json::Array notes;
    for (const std::string& note : model.notes()) {
        notes.emplace_back(note);
        out.lines.push_back(message("note: ", note));
    }
    out.summary.set("notes", Json::array(std::move(notes)));
    return out;
}

Listing list(const InspectOptions& options) {
    std::filesystem::path path = options.path;
    if (!std::filesystem::exists(path)) throw error(errc::missing, message(path.string(), ": no such file or directory"));
    if (std::filesystem::is_directory(path / quantized_directory_name)) path /= quantized_directory_name;
    const bool directory = std::filesystem::is_directory(path);
    const std::filesystem::path file = directory ? path / model_file_name : path;
    if (std::filesystem::is_regular_file(file) && file.extension() == ".safetensors" &&
        SafetensorsFile(file).metadata().contains(std::string(packed_metadata_key)))
        return list_packed(PackedModel(file), options);
    const bool bare = !directory && options.architecture.empty();
    return list_model(ModelDir(path, {.architecture = bare ? "generic" : options.architecture, .hf_bitnet = true}), options);
}

}  // namespace

Action add_inspect(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<InspectOptions>();
    app.add_option("PATH", options->path, "model directory, output of bitnet compress, or a file of weights")->required();
    app.add_option("--tensor", options->tensor, "only this tensor; with --json its values too");
    app.add_option("--arch", options->architecture, "architecture to use instead of config.json's");
    app.add_flag("--gradient-flow", options->gradient_flow, "a backward pass instead: does every tensor get the gradient that it should?");
    return [options, &common] {
        if (options->gradient_flow) return show_gradient_flow(options->path, common);
        Listing listing = list(*options);
        if (common.json) {
            listing.summary.set("tensors", Json::array(std::move(listing.tensors)));
            std::puts(to_text(listing.summary).c_str());
            return;
        }
        std::printf("%s\n", listing.table.text().c_str());
        for (const std::string& line : listing.lines) std::puts(line.c_str());
    };
}

}  // namespace cli
