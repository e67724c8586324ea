#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <malloc.h>
#include <unistd.h>

#include <bitnet/eval/model_speed.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "commands.hpp"
#include "models.hpp"
#include "recipes.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;
namespace fs = std::filesystem;

struct BenchOptions {
    std::vector<fs::path> models;
    std::size_t prompt_tokens = 0, generated_tokens = 0, repetitions = 3;
    bool alone = false;
    std::string scale = "row", layout = "trit2";
};

/// A directory that is gone when the command ends, however it ends.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::error_code reason;
        path_ = (fs::temp_directory_path(reason) / "bitnet-bench-XXXXXX").string();
        if (reason) throw error(errc::io, message("TMPDIR, for the packed copy: ", reason.message()));
        if (::mkdtemp(path_.data()) == nullptr)
            throw error(errc::io, message(path_, ": cannot create: ", std::generic_category().message(errno)));
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    fs::path path() const { return path_; }

private:
    std::string path_;
};

/// Peak resident bytes since the last call of forget_peak(); 0 where the system does not say.
std::uint64_t peak_resident_bytes() {
    std::uint64_t kib = 0;
    if (std::FILE* const status = std::fopen("/proc/self/status", "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, status) != nullptr)
            if (std::sscanf(line, "VmHWM: %lu kB", &kib) == 1) break;
        std::fclose(status);
    }
    return 1024 * kib;
}
void forget_peak() {
    ::malloc_trim(0);
    if (std::FILE* const clear = std::fopen("/proc/self/clear_refs", "w")) {
        std::fputs("5", clear);
        std::fclose(clear);
    }
}

std::uint64_t weight_file_bytes(const fs::path& model) {
    std::uint64_t out = 0;
    for (const auto& file : fs::directory_iterator(model))
        if (file.path().extension() == ".safetensors" || file.path().extension() == ".bin") out += file.file_size();
    return out;
}

/// One model with one precision of activations.
struct Row {
    std::string name{}, activations{}, multiplied_by{};
    bool either = false;  ///< whether the activations might be of the other precision
    SpeedOptions measured{};
    ModelSpeed speed{};
    TokenCost cost{};
    std::uint64_t file_bytes = 0, peak_bytes = 0;
    double packing = 0;  ///< bytes of weights a second that became ternary; 0 where it was not packed here
    std::vector<std::string> notes{};
};

/// Matrices that no fast product exists for, said and not hidden.
void note_slow_paths(const Transformer& model, ActivationPrecision precision, Row& row) {
    std::size_t packed = 0, slow = 0;
    std::string example;
    for (const DecoderLayer& layer : model.layers())
        layer.each_projection([&](const Projection& projection) {
            const auto* const linear = std::get_if<TernaryLinear>(&projection.linear);
            if (linear == nullptr) return;
            ++packed;
            const TernaryMatrix matrix = linear->packed();
            if (precision == ActivationPrecision::int8 && activation_order(matrix) == ActivationOrder::planes) return;
            if (precision == ActivationPrecision::fp32 && matrix.layout == Layout::trit2) return;
            ++slow;
            example = message(to_string(matrix.layout), ", groups of ", matrix.group_cols());
        });
    if (slow != 0)
        row.notes.push_back(message(slow, " of ", packed, " packed matrices (", example, ") have no fast product with ",
                                    row.activations, " activations: their codes are unpacked piece by piece into cache"));
}

/// What was asked for, or as much of 512 and 128 tokens as the model has positions for.
SpeedOptions speed_options(const BenchOptions& options, const ModelConfig& config) {
    const std::size_t positions = config.max_positions;
    return {.prompt_tokens = options.prompt_tokens != 0 ? options.prompt_tokens : std::min<std::size_t>(512, positions),
            .generated_tokens = options.generated_tokens != 0 ? options.generated_tokens
                                                              : std::clamp<std::size_t>(positions - 1, 1, 128),
            .repetitions = options.repetitions};
}

Row measure(const std::string& name, const fs::path& path, const std::string& precision, const BenchOptions& options,
            Execution run, const CommonOptions& common) {
    forget_peak();
    const ModelWeights weights(path);
    const Transformer model(weights, precision_named(precision), run);
    Row row{.name = name, .activations = activations_of(weights, precision),
            .either = weights.packed() && !weights.hf_bitnet(), .measured = speed_options(options, model.config()), .cost = token_cost(model),
            .file_bytes = weight_file_bytes(path)};
    const std::string arch(run.kernels->arch);
    if (!weights.packed() && row.activations == "fp32") row.multiplied_by = blas_name();
    else if (row.activations == "int8") row.multiplied_by = arch + " int8";
    else row.multiplied_by = arch + " fp32, " + blas_name() + " for prompts";
    note_slow_paths(model, precision_named(row.activations), row);
    Progress progress(name + " " + row.activations, common.quiet);
    row.speed = model_speed(model, row.measured, run, [&](std::size_t done, std::size_t all) {
        progress.update(static_cast<double>(done) / static_cast<double>(all), done % 2 == 0 ? "prompt" : "generation");
    });
    row.peak_bytes = peak_resident_bytes();
    return row;
}

RecipeRequest packed_copy(const BenchOptions& options) {
    RecipeRequest request;
    request.scale = options.scale;
    request.layout = *layout_named(options.layout);
    return request;
}

/// The packed model that `bitnet compress` makes of it. Returns how fast the quantizer was: bytes of weights that became
/// ternary, in the type of their file, a second.
double pack(const fs::path& model, const fs::path& output, const BenchOptions& options, Execution run, const CommonOptions& common) {
    const RecipeRequest request = packed_copy(options);
    Config config;
    const ModelDir original(model);
    config.adapt_to_model_size(original.parameter_count());
    Progress progress("pack", common.quiet);
    const RecipeResult result = compress_with(request, config, original, prepare_outputs(original, output, {.quantized = true, .dequantized = false}), run,
                  [&](const TensorReport& tensor, std::uint64_t done, std::uint64_t total) {
        progress.update(static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(1, total)), tensor.name);
    });
    double bytes = 0, seconds = 0;
    for (const TensorReport& tensor : result.stats.tensors)
        if (tensor.treatment == Treatment::ternary) {
            bytes += static_cast<double>(tensor.parameters * bits_of(tensor.dtype) / 8);
            seconds += tensor.seconds;
        }
    return seconds > 0 ? bytes / seconds : 0;
}

std::vector<Row> measure_all(const BenchOptions& options, Execution run, const CommonOptions& common) {
    std::vector<Row> rows;
    const auto add = [&](const std::string& name, const fs::path& path) {
        rows.push_back(measure(name, path, "int8", options, run, common));
        if (rows.back().either) rows.push_back(measure(name, path, "fp32", options, run, common));
        return !rows.back().either && rows.back().activations == "fp32";  // dense
    };
    for (const fs::path& path : options.models) {
        if (!fs::exists(path / config_file_name) && fs::is_directory(path / "quantized")) {  // what compress writes
            if (fs::is_directory(path / "dequantized")) add((path / "dequantized").string(), path / "dequantized");
            add((path / "quantized").string(), path / "quantized");
            continue;
        }
        if (!add(path.string(), path) || options.alone) continue;
        const TemporaryDirectory packed;
        const double packing = pack(path, packed.path(), options, run, common);
        const std::size_t first = rows.size();
        add("packed", packed.path() / "quantized");
        for (std::size_t i = first; i < rows.size(); ++i) rows[i].packing = packing;
    }
    return rows;
}

std::vector<std::string> machine_notes(const MachineSpeed& machine, const Kernels& kernels) {
    std::vector<std::string> out;
    if (machine.int8_instructions == "AVX-512 VNNI")
        out.push_back(message("this machine has AVX-512 VNNI; the ", kernels.arch, " kernels do not use it"));
    if (kernels.arch == "scalar" || kernels.arch == "sse2")
        out.push_back(message("only ", kernels.arch, " kernels run on this machine: packed products are slow"));
    return out;
}

/// Shares of the ceilings: products of a prompt of the peak, bytes of generation of the bandwidth.
double peak_share(const Row& row, const MachineSpeed& machine) {
    const double peak = row.activations == "int8" ? machine.int8_products : machine.fp32_products;
    return row.speed.prompt * static_cast<double>(row.cost.layer_products) / peak;
}
double read_share(const Row& row, const MachineSpeed& machine) {
    return row.speed.generation * static_cast<double>(row.cost.bytes()) / machine.read_bytes;
}

Json describe(const Row& row, const MachineSpeed& machine) {
    Json::Array notes;
    for (const std::string& note : row.notes) notes.emplace_back(note);
    return Json::object({{"model", row.name},
                         {"activations", row.activations},
                         {"kernels", row.multiplied_by},
                         {"prompt_tokens", row.measured.prompt_tokens},
                         {"generated_tokens", row.measured.generated_tokens},
                         {"repetitions", row.measured.repetitions},
                         {"prompt_tokens_per_second", row.speed.prompt},
                         {"prompt_share_of_peak", peak_share(row, machine)},
                         {"generation_tokens_per_second", row.speed.generation},
                         {"generation_share_of_read", read_share(row, machine)},
                         {"bytes_per_token", row.cost.bytes()},
                         {"products_per_token", row.cost.products()},
                         {"file_bytes", row.file_bytes},
                         {"peak_resident_bytes", row.peak_bytes},
                         {"packed_bytes_per_second", row.packing},
                         {"notes", Json::array(std::move(notes))}});
}

void print(const std::vector<Row>& rows, const MachineSpeed& machine, const Kernels& kernels) {
    std::printf("machine     %u threads read %s GB/s, multiply %s G int8/s (%s) and %s G fp32/s (%s)\n", machine.threads,
                fixed(machine.read_bytes / 1e9, 1).c_str(), fixed(machine.int8_products / 1e9, 0).c_str(),
                std::string(machine.int8_instructions).c_str(), fixed(machine.fp32_products / 1e9, 0).c_str(),
                std::string(machine.fp32_instructions).c_str());
    const SpeedOptions& measured = rows.front().measured;
    std::printf("measured    prompts of %zu tokens, %zu tokens written; medians of %zu\n", measured.prompt_tokens,
                measured.generated_tokens, measured.repetitions);
    for (const std::string& note : machine_notes(machine, kernels)) std::printf("note        %s\n", note.c_str());
    Table table({"model", "activations", "prompt/s", "of peak", "write/s", "of read", "bytes/token", "file", "peak memory",
                 "multiplied by"});
    for (const Row& row : rows)
        table.add({row.name, row.activations, fixed(row.speed.prompt, 1), fixed(100 * peak_share(row, machine), 0) + " %",
                   fixed(row.speed.generation, 1), fixed(100 * read_share(row, machine), 0) + " %",
                   bytes_text(row.cost.bytes()), bytes_text(row.file_bytes), bytes_text(row.peak_bytes), row.multiplied_by});
    std::printf("\n%s", table.text().c_str());
    for (const Row& row : rows)
        if (row.packing > 0 && row.activations == "int8")
            std::printf("quantized   %s GB/s of weights, %s %% of the read: reading, rounding, what was lost, writing\n",
                        fixed(row.packing / 1e9, 2).c_str(), fixed(100 * row.packing / machine.read_bytes, 0).c_str());
    for (const Row& row : rows)
        for (const std::string& note : row.notes) std::printf("note        %s: %s\n", row.name.c_str(), note.c_str());
}

void bench(const BenchOptions& options, const CommonOptions& common) {
    const Execution run{&best_kernels(), common.threads};
    check_recipe(packed_copy(options), Config{});
    const std::vector<Row> rows = measure_all(options, run, common);
    const MachineSpeed machine = machine_speed(common.threads);
    if (!common.json) return print(rows, machine, *run.kernels);
    Json::Array list, notes;
    for (const Row& row : rows) list.push_back(describe(row, machine));
    for (const std::string& note : machine_notes(machine, *run.kernels)) notes.emplace_back(note);
    std::puts(to_text(Json::object({{"threads", machine.threads},
                                    {"kernels", run.kernels->arch},
                                    {"read_bytes_per_second", machine.read_bytes},
                                    {"int8_products_per_second", machine.int8_products},
                                    {"int8_instructions", machine.int8_instructions},
                                    {"fp32_products_per_second", machine.fp32_products},
                                    {"fp32_instructions", machine.fp32_instructions},
                                    {"notes", Json::array(std::move(notes))},
                                    {"models", Json::array(std::move(list))}})).c_str());
}

}  // namespace

Action add_bench(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<BenchOptions>();
    app.add_option("MODEL", options->models, "model directories, or outputs of compress: an original is also packed, in a "
                   "temporary directory, and both are measured")->required();
    app.add_option("-p,--prompt-tokens", options->prompt_tokens, "tokens of the prompt, read at once; default: 512, or the model's "
                   "positions")->check(CLI::Range(1, 1 << 20));
    app.add_option("-n,--tokens", options->generated_tokens, "tokens to write, one by one; default: 128, or what the model has "
                   "positions for")->check(CLI::Range(1, 1 << 20));
    app.add_option("-r,--repetitions", options->repetitions, "measurements, of which the median is told")
        ->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--scale", options->scale, "scales of the packed copy: tensor, row, group:64 or group:128")
        ->capture_default_str();
    app.add_option("--layout", options->layout, "codes of the packed copy: trit2, trit5 or int8")
        ->check(CLI::IsMember({"trit2", "trit5", "int8"}))->capture_default_str();
    app.add_flag("--no-packed-copy", options->alone, "measure originals as they are and nothing else");
    return [options, &common] { bench(*options, common); };
}

}  // namespace cli
