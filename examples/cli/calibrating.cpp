#include "calibrating.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include <bitnet/calibrate/sensitivity.hpp>
#include <bitnet/core/is_finite.hpp>

#include "live.hpp"
#include "terminal.hpp"

namespace cli {

using namespace bitnet;

void add_calibrating(CLI::App& app, CalibratingOptions& options, LessonOptions& lesson) {
    app.add_option("--calibrate", options.target, "fit codes and scales to what layers are given on --text or --self-text: own (each does what it "
                   "did), original (what it did in the original model), stream (and mends the residual stream), never; auto: stream with "
                   "least_squares, several planes or offsets")
        ->check(CLI::IsMember({"auto", "own", "original", "stream", "never"}))->capture_default_str();
    app.add_flag("--rotate", options.rotate, "in a rotated basis: less is lost, and running the model takes a little longer");
    app.add_option("--refine", options.refine, "passes in which the scales and norms of each layer learn to make the model predict what the original does")
        ->check(CLI::Range(0, 1000))->capture_default_str();
    app.add_option("--refine-together", options.refine_together, "passes behind those, in which scales and norms of all layers learn together, with embedding and head")
        ->check(CLI::Range(0, 1000))->capture_default_str();
    app.add_option("--bits", options.bits, "a weight at most, scales included: planes and scales are chosen for each matrix by what it costs the "
                   "model's predictions, measured")
        ->check(CLI::Range(1.0, 8.0));
    app.add_option("--degradation", options.degradation, "share that perplexity may rise by, e.g. 0.05: as few bits as that takes are spent so, measured again as a "
                   "whole; with --bits no more than those")
        ->check(CLI::PositiveNumber);
    CLI::Option* const datasets = app.add_option("--datasets", lesson.datasets, "directory of texts by name, instead of --text: NAME.txt, NAME.jsonl or "
                   "a directory NAME of such; one that is not there is fallen back from: openwebtext, c4, wikitext, texts that the model writes")
        ->excludes(app.get_option("--text"), app.get_option("--self-text"));
    app.add_option("--dataset", lesson.dataset, "which one; default: calibration_dataset")->needs(datasets);
    app.add_option("--text-field", lesson.field, "of its .jsonl files")->capture_default_str()->needs(datasets);
    app.add_option("--cache", lesson.cache, "where its tokens are kept; default: .bitnet_cache in --datasets")->needs(datasets);
}

std::optional<Target> target_of(const CalibratingOptions& options, const RecipeRequest& request, bool has_text) {
    const bool fits = request.planes > 1 || request.asymmetric || quantizer_of(request) == "least_squares";
    const bool asked = options.target != "auto" && options.target != "never";
    if (asked && !has_text) throw error(errc::bad_value, message("--calibrate ", options.target, ": needs --text or --self-text"));
    if (asked && !fits)
        throw error(errc::bad_value, message("--calibrate ", options.target, ": ", quantizer_of(request), " looks at weights alone; use --quantizer least_squares"));
    const bool calibrates = asked || (options.target == "auto" && has_text && fits);
    if (!is_finite(options.bits) || !is_finite(options.degradation)) throw error(errc::bad_value, "--bits, --degradation: a finite number is expected");
    if (options.allots()) {
        const std::string_view flag = options.bits != 0 ? "--bits" : "--degradation";
        if (!calibrates) throw error(errc::bad_value, message(flag, ": needs calibration, with --text or --self-text"));
        if (request.planes > 1 || request.asymmetric || !request.scale.empty())
            throw error(errc::bad_value, message(flag, " chooses planes and scales; leave --planes, --asymmetric and --scale out"));
    }
    if (options.refines() && !calibrates)
        throw error(errc::bad_value, message(options.refine != 0 ? "--refine" : "--refine-together", ": needs calibration, with --text or --self-text"));
    if (options.rotate && !calibrates) throw error(errc::bad_value, "--rotate: needs calibration, with --text or --self-text");
    if (!calibrates) return {};
    return options.target == "own" ? Target::own : options.target == "original" ? Target::original : Target::stream;
}

namespace {

/// What is the same in every round of calibration.
struct Job {
    const RecipeRequest& request;
    const Config& config;
    const CalibratingOptions& options;
    Target target;
    Network<float>& original;
    CalibrationSet set;
    preservation::ByPattern preservation;
    const KeptStages& kept;
    Execution run;
    bool quiet;

    bool wants(const Parameter<float>& one) const { return becomes_ternary(one, preservation); }
    double matrices() const {
        return static_cast<double>(std::ranges::count_if(original.parameters(), [this](const Parameter<float>& one) { return wants(one); }));
    }
};

/// What every way to store every matrix costs, measured on some of the texts.
struct Storage {
    StorageWays ways;
    std::vector<Sensitivity> matrices{};
    std::vector<std::vector<StorageOption>> options{};
    std::size_t weights = 0;
};

void require_bits(const Job& job) {
    const double bits = job.options.bits;
    double least = 0, count = 0;
    for (const Parameter<float>& one : job.original.parameters()) {
        if (!job.wants(one)) continue;
        count += static_cast<double>(one.value.values().size());
        least += static_cast<double>(one.value.rows() * (packed_row_bytes(job.request.layout, one.value.cols()) + bits_of(job.request.scale_storage) / 8));
    }
    if (bits != 0 && bits < 8 * least / count)
        throw error(errc::bad_value, message("--bits ", bits, ": one plane in ", to_string(job.request.layout), " with a scale a row takes ", fixed(8 * least / count, 2),
                                             " already", job.request.layout == Layout::trit5 ? "" : "; --layout trit5 takes less"));
}

/// What measure_storage() found, as it is kept.
Json kept_form(const std::vector<Sensitivity>& matrices) {
    Json::Array out;
    for (const Sensitivity& one : matrices) {
        Json::Array options;
        for (const StorageOption& option : one.options) options.push_back(Json::object({{"bytes", option.bytes}, {"loss", option.loss}}));
        out.push_back(Json::object({{"name", one.name}, {"parameter", one.parameter}, {"weights", one.weights}, {"options", Json::array(std::move(options))}}));
    }
    return Json::array(std::move(out));
}
std::vector<Sensitivity> sensitivities(const Json& kept) {
    std::vector<Sensitivity> out;
    for (const Json& row : kept.as_array()) {
        Sensitivity& one = out.emplace_back();
        one.name = row.at("name").as_string();
        one.parameter = row.at("parameter").as_unsigned(), one.weights = row.at("weights").as_unsigned();
        for (const Json& option : row.at("options").as_array()) one.options.push_back({option.at("bytes").as_unsigned(), option.at("loss").as_double()});
    }
    return out;
}

Storage measure_storage(const Job& job) {
    constexpr std::size_t few_texts = 32;
    require_bits(job);
    Storage out{storage_ways(job.request, job.config)};
    const auto& samples = job.set.samples();
    const std::vector<std::vector<std::uint32_t>> scored(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(std::min(few_texts, samples.size())));
    Progress progress("measure", job.quiet);
    std::size_t done = 0;
    const std::filesystem::path kept = job.kept.name_of("storage", ".json");
    if (!kept.empty() && std::filesystem::exists(kept)) {
        out.matrices = sensitivities(read_json_file(kept));
    } else {
        out.matrices = measure_sensitivity(job.original, job.set, scored, out.ways.quantizers, [&](const Parameter<float>& one) { return job.wants(one); }, {.rotate = job.options.rotate}, job.run,
                                           [&](const Sensitivity& one) { progress.update(static_cast<double>(++done) / std::max(1.0, job.matrices()), one.name); });
        keep_stage(kept, to_text(kept_form(out.matrices)));
    }
    for (const Sensitivity& one : out.matrices) {
        out.options.push_back(one.options);
        out.weights += one.weights;
    }
    return out;
}

/// The way that each matrix is stored in, and what was measured of the others.
Json report_of(const Storage& storage, const Allocation& allocation) {
    Json::Array rows;
    for (std::size_t i = 0; i < storage.matrices.size(); ++i) {
        Json::Array costs;
        for (std::size_t way = 0; way < storage.options[i].size(); ++way)
            costs.push_back(Json::object({{"way", storage.ways.names[way]}, {"bytes", storage.options[i][way].bytes}, {"kl", storage.options[i][way].loss}}));
        rows.push_back(Json::object({{"name", storage.matrices[i].name}, {"chosen", storage.ways.names[allocation.chosen[i]]}, {"measured", Json::array(std::move(costs))}}));
    }
    return Json::array(std::move(rows));
}

/// Matrices that are wanted and are no layer's, tables for example, have no inputs to be fitted to.
void round_the_rest(Calibrated& out, const std::function<bool(const Parameter<float>&)>& wanted, const MatrixQuantizer& quantizer, Execution run) {
    for (Parameter<float>& one : out.network.parameters()) {
        if (!wanted(one) || out.tensors.made.contains(one.spec.name)) continue;
        const Shape shape{one.value.rows(), one.value.cols()};
        TernaryPlanes made = quantizer.plain({one.spec.name, DType::F32, shape, std::as_bytes(std::span<const float>(one.value.values()))}, run);
        put_image(made, one.value, run);
        out.tensors.made.emplace(one.spec.name, std::move(made));
    }
}

/// Every matrix as the request says, or as it was allotted.
Calibrated calibrate_once(const Job& job, const Storage* storage, const Allocation* allocation) {
    const auto begin = std::chrono::steady_clock::now();
    const CalibratedRecipe recipe = calibrated_recipe(job.request, job.config);
    Calibrated out{{job.preservation, job.request.layout, storage == nullptr ? recipe.policies : storage->ways.policies, {}},
                   Network<float>(job.original.config(), job.original.parameters(), *job.run.kernels), Json::object()};
    std::map<std::string_view, const MatrixQuantizer*> allotted;
    for (std::size_t i = 0; allocation != nullptr && i < allocation->chosen.size(); ++i)
        allotted.emplace(storage->matrices[i].name, &storage->ways.quantizers[allocation->chosen[i]]);
    const auto choose = [&](const Parameter<float>& one) -> const MatrixQuantizer* {
        return !job.wants(one) ? nullptr : allocation == nullptr ? &recipe.quantizer : allotted.at(one.spec.name);
    };
    Json::Array matrices;
    std::size_t most_inputs = 0;
    Progress progress("calibrate", job.quiet);
    std::string last;
    const auto refining = [&](double share) {
        progress.update(static_cast<double>(matrices.size()) / std::max(1.0, job.matrices()), message(last, ", refined to ", fixed(100 * share, 0), " %"));
    };
    Json chosen;
    if (allocation != nullptr) chosen = Json::array(Json::Array(allocation->chosen.begin(), allocation->chosen.end()));
    const CalibrationOptions options{.target = job.target, .rotate = job.options.rotate, .kept = job.kept.name_of("calibration", "", chosen), .about = job.kept.about, .refining = refining, .refine = {.passes = job.options.refine, .together = job.options.refine_together}};
    out.tensors.made = calibrate(out.network, job.original, job.set, choose, options, job.run, [&](const CalibratedMatrix& matrix) {
        most_inputs = std::max(most_inputs, out.network.parameters()[matrix.parameter].value.cols());
        matrices.push_back(to_json(matrix));
        progress.update(static_cast<double>(matrices.size()) / std::max(1.0, job.matrices()), last = matrix.name);
        tell_live("tensor", Json::object({{"name", matrix.name}, {"error", matrix.output_error}, {"plain_error", matrix.plain_error}}));
    });
    round_the_rest(out, [&](const Parameter<float>& one) { return job.wants(one); }, recipe.quantizer, job.run);
    out.report = Json::object({{"target", to_string(job.target)},
                               {"rotated", job.options.rotate},
                               {"refined", job.options.refine},
                               {"refined_together", job.options.refine_together},
                               {"samples", job.set.samples().size()},
                               {"tokens", job.set.tokens()},
                               {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()},
                               {"matrices", Json::array(std::move(matrices))}});
    if (allocation != nullptr) out.report.set("storage", report_of(*storage, *allocation));
    // With fewer tokens than inputs some directions are never seen; ten times as many is where more stops to matter much.
    if (job.set.tokens() < 10 * most_inputs)
        out.report.set("warning", message(job.set.tokens(), " tokens to calibrate matrices of up to ", most_inputs, " inputs are few: give more text"));
    return out;
}

/// Spends bits until the measured rise of perplexity is no more than was asked for. Losses that were measured one by one tell the whole
/// loss but roughly, so each round corrects by how wrong the last one's were. What fits in the fewest bytes is kept, or else what rises least.
Calibrated spend(const Job& job, const Storage& storage, std::size_t most_bytes, const RiseOf& rise_of) {
    constexpr std::size_t most_rounds = 5;
    const double wanted = job.options.degradation;
    double enough = std::log1p(wanted);
    std::optional<Calibrated> best;
    double best_rise = 0;
    std::size_t best_bytes = 0, best_round = 0;
    std::set<std::vector<std::size_t>> tried;
    Json::Array rounds;
    while (rounds.size() < most_rounds) {
        const Allocation allocation = allocate(storage.options, most_bytes, enough);
        if (!tried.insert(allocation.chosen).second) break;
        Calibrated now = calibrate_once(job, &storage, &allocation);
        const double measured = rise_of(now.network), rise = is_finite(measured) ? measured : std::numeric_limits<double>::infinity();
        rounds.push_back(Json::object({{"bits", 8 * static_cast<double>(allocation.bytes) / static_cast<double>(storage.weights)}, {"kl", allocation.loss},
                                       {"rise", is_finite(rise) ? Json(rise) : Json(nullptr)}}));
        const bool fits = rise <= wanted, better = !best || (fits ? best_rise > wanted || allocation.bytes < best_bytes : rise < best_rise);
        if (better) {
            best = std::move(now);
            best_rise = rise;
            best_bytes = allocation.bytes;
            best_round = rounds.size() - 1;
        }
        enough = allocation.loss * std::log1p(wanted) / std::max(1e-6, std::log1p(rise));
    }
    rounds[best_round].set("kept", true);
    best->report.set("rounds", Json::array(std::move(rounds)));
    if (best_rise > wanted) {
        const Json* const before = best->report.find("warning");
        best->report.set("warning", message(before == nullptr ? "" : before->as_string() + "; ", "--degradation ", wanted, ": perplexity rises by ",
                                            fixed(100 * best_rise, 2), " % with the best that was found"));
    }
    return std::move(*best);
}

}  // namespace

Calibrated calibrate_with(const RecipeRequest& request, const Config& config, const CalibratingOptions& options, Target target,
                          Network<float>& original, const Documents& text, const RiseOf& rise_of, const KeptStages& kept, Execution run, bool quiet) {
    const Job job{request, config, options, target, original,
                  CalibrationSet::from_ids(text, {.samples = config.calibration_samples,
                                                  .tokens = std::min<std::size_t>(config.calibration_sequence_length, original.config().max_positions),
                                                  .batch = config.calibration_batch_size}),
                  preservation_of(request, config), kept, run, quiet};
    if (!options.allots()) return calibrate_once(job, nullptr, nullptr);
    const Storage storage = measure_storage(job);
    const std::size_t most_bytes = options.bits == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(options.bits * static_cast<double>(storage.weights) / 8);
    if (options.degradation != 0) return spend(job, storage, most_bytes, rise_of);
    const Allocation allocation = allocate(storage.options, most_bytes);
    return calibrate_once(job, &storage, &allocation);
}

}  // namespace cli
