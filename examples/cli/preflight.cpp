#include "preflight.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/hand_in.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/preflight.hpp>

#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// Another way to type the job, and what it would come to.
struct Change {
    std::string typed;
    Preflight sizes;
    std::vector<GateResult> gates;
};

/// How far the sizes can be relied on.
std::string_view trust_in(const PlannedJob& job) {
    if (job.calibrating.bits != 0) return "at most";
    if (job.calibrating.degradation != 0) return "at least";
    return job.has_text ? "expected" : "exact";
}

/// With a budget of bits, what becomes ternary takes just those; where as many are spent as it takes, one plane and a scale a row are
/// the least.
Preflight sizes_of(const PlannedJob& job, const RecipeRequest& request, const Config& config, const ModelDir& model) {
    RecipeRequest one = request;
    if (job.calibrating.allots()) one.scale = "row";
    std::optional<Json> policies;
    if (target_of(job.calibrating, request, job.has_text)) policies = calibrated_recipe(one, config).policies;
    Preflight out = preflight_with(one, config, model, policies);
    if (job.calibrating.bits == 0) return out;
    for (PlannedWeights& tensor : out.tensors) {
        if (tensor.treatment != Treatment::ternary) continue;
        const auto bytes = static_cast<std::uint64_t>(job.calibrating.bits * static_cast<double>(tensor.parameters) / 8);
        out.quantized_bytes += bytes - tensor.stored_bytes;
        tensor.stored_bytes = bytes;
    }
    return out;
}

GateLimits limits_of(const Config& config) { return {.min_compression_ratio = config.target_compression_ratio}; }

bool has_kept(const Preflight& sizes, TensorRole role) {
    return std::ranges::any_of(sizes.tensors, [role](const PlannedWeights& tensor) { return tensor.role == role && tensor.treatment != Treatment::ternary; });
}

/// Changes that make the file smaller, or more of it ternary: each by itself, those that cost little together, and all of them.
std::vector<Change> changes_of(const PlannedJob& job, const Preflight& now, const ModelDir& model) {
    using Edit = std::function<void(RecipeRequest&, Config&)>;
    std::vector<std::pair<std::string, Edit>> cheap, all;
    const RecipeRequest& typed = job.request;
    const auto add = [&](bool applies, bool costs_little, const char* text, Edit edit) {
        if (!applies) return;
        if (costs_little) cheap.emplace_back(text, edit);
        all.emplace_back(text, std::move(edit));
    };
    add(typed.preservation.precision != Treatment::int8_rows, true, "--keep-as int8", [](RecipeRequest& request, Config&) { request.preservation.precision = Treatment::int8_rows; });
    add(typed.layout != Layout::trit5, true, "--layout trit5", [](RecipeRequest& request, Config&) { request.layout = Layout::trit5; });
    if (!job.calibrating.allots()) {
        add(true, false, "--scale row", [](RecipeRequest& request, Config&) { request.scale = "row"; });
        add(typed.planes != 1, false, "--planes 1", [](RecipeRequest& request, Config&) { request.planes = 1; });
        add(typed.asymmetric, false, "no --asymmetric", [](RecipeRequest& request, Config&) { request.asymmetric = false; });
    }
    add(job.config.preserve_embedding_precision && (has_kept(now, TensorRole::token_embedding) || has_kept(now, TensorRole::position_embedding)), false,
        "--set preserve_embedding_precision=false", [](RecipeRequest&, Config& config) { config.preserve_embedding_precision = false; });
    add(job.config.preserve_output_precision && has_kept(now, TensorRole::lm_head), false, "--set preserve_output_precision=false",
        [](RecipeRequest&, Config& config) { config.preserve_output_precision = false; });

    std::vector<Change> out;
    const auto consider = [&](const std::vector<std::pair<std::string, Edit>>& edits) {
        RecipeRequest request = typed;
        Config config = job.config;
        std::string text;
        for (const auto& [name, edit] : edits) {
            text += (text.empty() ? "" : " ") + name;
            edit(request, config);
        }
        try {
            target_of(job.calibrating, request, job.has_text);
        } catch (const error&) {
            return;  // what is calibrated could not be so
        }
        Preflight sizes = sizes_of(job, request, config, model);
        if (sizes.compression_ratio() <= now.compression_ratio() && sizes.quantized_share() <= now.quantized_share()) return;
        std::vector<GateResult> gates = check_size_gates(sizes, limits_of(config));
        out.push_back({std::move(text), std::move(sizes), std::move(gates)});
    };
    for (const auto& edit : all) consider({edit});
    if (cheap.size() > 1) consider(cheap);
    if (all.size() > cheap.size() && all.size() > 1) consider(all);
    return out;
}

/// Where no change reaches the ratio that is asked for, or every one leaves too much that is not ternary.
std::vector<std::string> verdicts(const PlannedJob& job, const Preflight& now, const std::vector<GateResult>& gates, const std::vector<Change>& changes) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < gates.size(); ++i) {
        if (gates[i].state != GateResult::State::failed) continue;
        if (std::ranges::any_of(changes, [&](const Change& change) { return change.gates[i].state == GateResult::State::passed; })) continue;
        double best = *gates[i].measured;
        for (const Change& change : changes) best = std::max(best, *change.gates[i].measured);
        if (gates[i].name == "compression_ratio")
            out.push_back(message("no change here reaches ", fixed(job.config.target_compression_ratio, 2), "x: the best gives ", fixed(best, 2), "x; --set target_compression_ratio=",
                                  fixed(static_cast<double>(static_cast<std::uint64_t>(100 * now.compression_ratio())) / 100, 2), " asks for what this job gives"));
        else
            out.push_back(message("no change here makes enough of the parameters ternary: at most ", fixed(100 * best, 2), " %"));
    }
    return out;
}

Json changes_to_json(const std::vector<Change>& changes) {
    Json::Array out;
    for (const Change& change : changes)
        out.push_back(Json::object({{"change", change.typed},
                                    {"compression_ratio", change.sizes.compression_ratio()},
                                    {"quantized_share", change.sizes.quantized_share()},
                                    {"passes", all_passed(change.gates)},
                                    {"gates", bitnet::to_json(change.gates)}}));
    return Json::array(std::move(out));
}

Json time_to_json(const TimeEstimate& time, Execution run) {
    return Json::object({{"seconds", time.seconds}, {"is", "an estimate of rounding alone: reading cold files, writing, calibration and learning come on top"}, {"measured_tensor", time.tensor},
                         {"measured_weights", time.measured}, {"weights", time.weights}, {"kernels", run.kernels->arch}});
}

Json list_of(const std::vector<std::string>& lines) { return Json::array(Json::Array(lines.begin(), lines.end())); }

Json tensors_of(const Preflight& sizes) {
    Json::Array out;
    for (const PlannedWeights& tensor : sizes.tensors)
        out.push_back(Json::object({{"name", tensor.name}, {"role", to_string(tensor.role)}, {"treatment", to_string(tensor.treatment)}, {"shape", detail::shape_to_json(tensor.shape)},
                                    {"stored_bytes", tensor.stored_bytes}, {"bits_per_weight", tensor.bits_per_weight()}}));
    return Json::array(std::move(out));
}

std::string table_of(const Preflight& sizes) {
    Table table({"tensor", "shape", "role", "becomes", "bits", "bytes"});
    for (const PlannedWeights& tensor : sizes.tensors)
        table.add({tensor.name, to_string(tensor.shape), std::string(to_string(tensor.role)), std::string(to_string(tensor.treatment)), fixed(tensor.bits_per_weight(), 2), bytes_text(tensor.stored_bytes)});
    return table.text();
}

/// Which gates a change opens.
std::string opened_by(const Change& change, const std::vector<GateResult>& now) {
    if (all_passed(change.gates)) return "; passes both gates";
    for (std::size_t i = 0; i < now.size(); ++i)
        if (change.gates[i].state == GateResult::State::passed && now[i].state == GateResult::State::failed) return message("; passes ", now[i].name);
    return "";
}

/// Everything that is said, before it is said.
struct Findings {
    Preflight sizes{};
    std::vector<GateResult> gates{};
    std::vector<Change> changes{};
    std::vector<std::string> verdicts{}, warnings{};
    TimeEstimate time{};
};

Findings find(const PlannedJob& job, const ModelDir& model, Execution run) {
    Findings out{.sizes = sizes_of(job, job.request, job.config, model)};
    out.gates = check_size_gates(out.sizes, limits_of(job.config));
    if (!all_passed(out.gates)) {
        out.changes = changes_of(job, out.sizes, model);
        out.verdicts = verdicts(job, out.sizes, out.gates, out.changes);
    }
    if (std::string warning = few_parameters_warning(out.sizes.total_params()); !warning.empty()) out.warnings.push_back(std::move(warning));
    if (out.sizes.quantized_params() == 0) out.warnings.push_back("nothing becomes ternary");
    out.time = estimate_with(job.request, job.config, model, run);
    return out;
}

Json record_of(const PlannedJob& job, const ModelDir& model, const Findings& found, Execution run) {
    const Preflight& sizes = found.sizes;
    return Json::object({{"model", job.config.model_path},
                         {"dry_run", true},
                         {"recipe", job.request.recipe},
                         {"quantizer", quantizer_of(job.request)},
                         {"size_category", Config::size_category(model.parameter_count())},
                         {"sizes", trust_in(job)},
                         {"total_params", sizes.total_params()},
                         {"quantized_params", sizes.quantized_params()},
                         {"quantized_share", sizes.quantized_share()},
                         {"bits_per_weight", sizes.bits_per_weight()},
                         {"original_bytes", sizes.original_bytes},
                         {"quantized_bytes", sizes.quantized_bytes},
                         {"dequantized_bytes", sizes.dequantized_bytes},
                         {"compression_ratio", sizes.compression_ratio()},
                         {"gates", bitnet::to_json(found.gates)},
                         {"kept", what_is_kept(sizes)},
                         {"changes", changes_to_json(found.changes)},
                         {"verdicts", list_of(found.verdicts)},
                         {"time", time_to_json(found.time, run)},
                         {"warnings", list_of(found.warnings)},
                         {"notes", list_of(model.notes())},
                         {"tensors", tensors_of(sizes)}});
}

void print(const PlannedJob& job, const ModelDir& model, const Findings& found, Execution run) {
    const Preflight& sizes = found.sizes;
    std::printf("%s\n", table_of(sizes).c_str());
    std::printf("ternary     %llu of %llu parameters (%.1f %%) at %.2f bits, %s: %s\n", static_cast<unsigned long long>(sizes.quantized_params()),
                static_cast<unsigned long long>(sizes.total_params()), 100 * sizes.quantized_share(), sizes.bits_per_weight(), job.request.recipe.c_str(), quantizer_of(job.request).c_str());
    const std::string trust(trust_in(job));
    std::printf("size        %s at FP32 -> %s packed (%llu bytes, %s), %s dequantized; ratio %.2f\n", bytes_text(sizes.original_bytes).c_str(), bytes_text(sizes.quantized_bytes).c_str(),
                static_cast<unsigned long long>(sizes.quantized_bytes), trust.c_str(), bytes_text(sizes.dequantized_bytes).c_str(), sizes.compression_ratio());
    for (const GateResult& gate : found.gates) std::printf("gate        %s: %s\n", std::string(to_string(gate.state)).c_str(), gate.sentence.c_str());
    if (!all_passed(found.gates)) std::printf("because     %s\n", what_is_kept(sizes).c_str());
    for (const Change& change : found.changes)
        std::printf("change      %s: ratio %.2f, %.1f %% ternary%s\n", change.typed.c_str(), change.sizes.compression_ratio(), 100 * change.sizes.quantized_share(),
                    opened_by(change, found.gates).c_str());
    for (const std::string& verdict : found.verdicts) std::printf("note        %s\n", verdict.c_str());
    std::printf("time        about %.2g s to round %llu weights with %s kernels, an estimate from %llu of them; files, calibration and learning come on top\n", found.time.seconds,
                static_cast<unsigned long long>(found.time.weights), std::string(run.kernels->arch).c_str(), static_cast<unsigned long long>(found.time.measured));
    for (const std::string& warning : found.warnings) std::printf("warning     %s\n", warning.c_str());
    for (const std::string& note : model.notes()) std::printf("note        %s\n", note.c_str());
    std::puts("nothing was written");
}

}  // namespace

void show_preflight(const PlannedJob& job, const ModelDir& model, Execution run, bool json) {
    const Findings found = find(job, model, run);
    if (json)
        std::puts(to_text(record_of(job, model, found, run)).c_str());
    else
        print(job, model, found, run);
}

}  // namespace cli
