#include "calibrating.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>

#include <bitnet/calibrate/sensitivity.hpp>

#include "terminal.hpp"

namespace cli {

using namespace bitnet;

void add_calibrating(CLI::App& app, CalibratingOptions& options, LessonOptions& lesson) {
    app.add_option("--calibrate", options.target, "fit codes and scales to what layers are given on --text or --self-text: own (each does what it "
                   "did), original (what it did in the original model), stream (and mends the residual stream), never; auto: stream with "
                   "least_squares or several planes")
        ->check(CLI::IsMember({"auto", "own", "original", "stream", "never"}))->capture_default_str();
    app.add_flag("--rotate", options.rotate, "in a rotated basis: less is lost, and running the model takes a little longer");
    app.add_option("--refine", options.refine, "passes in which a layer's scales and norms learn to give what the original's layer gives")
        ->check(CLI::Range(0, 1000))->capture_default_str();
    app.add_option("--bits", options.bits, "a weight at most, scales included: planes and scales are chosen for each matrix by what it costs the "
                   "model's predictions, measured")
        ->check(CLI::Range(1.0, 8.0));
    CLI::Option* const datasets = app.add_option("--datasets", lesson.datasets, "directory of texts by name, instead of --text: NAME.txt, NAME.jsonl or "
                   "a directory NAME of such; one that is not there is fallen back from: openwebtext, c4, wikitext, texts that the model writes")
        ->excludes(app.get_option("--text"), app.get_option("--self-text"));
    app.add_option("--dataset", lesson.dataset, "which one; default: calibration_dataset")->needs(datasets);
    app.add_option("--text-field", lesson.field, "of its .jsonl files")->capture_default_str()->needs(datasets);
    app.add_option("--cache", lesson.cache, "where its tokens are kept; default: .bitnet_cache in --datasets")->needs(datasets);
}

std::optional<Target> target_of(const CalibratingOptions& options, const RecipeRequest& request, bool has_text) {
    const bool fits = request.planes > 1 || quantizer_of(request) == "least_squares";
    const bool asked = options.target != "auto" && options.target != "never";
    if (asked && !has_text) throw error(errc::bad_value, message("--calibrate ", options.target, ": needs --text or --self-text"));
    if (asked && !fits)
        throw error(errc::bad_value, message("--calibrate ", options.target, ": ", quantizer_of(request), " looks at weights alone; use --quantizer least_squares"));
    const bool calibrates = asked || (options.target == "auto" && has_text && fits);
    if (options.bits != 0 && !calibrates) throw error(errc::bad_value, "--bits: needs calibration, with --text or --self-text");
    if (options.bits != 0 && options.rotate) throw error(errc::bad_value, "--bits: the choice is measured in the weights' own basis; leave --rotate out");
    if (options.bits != 0 && (request.planes > 1 || !request.scale.empty())) throw error(errc::bad_value, "--bits chooses planes and scales; leave --planes and --scale out");
    if (options.refine != 0 && !calibrates) throw error(errc::bad_value, "--refine: needs calibration, with --text or --self-text");
    if (options.rotate && !calibrates) throw error(errc::bad_value, "--rotate: needs calibration, with --text or --self-text");
    if (!calibrates) return {};
    return options.target == "own" ? Target::own : options.target == "original" ? Target::original : Target::stream;
}

namespace {

/// Who quantizes each matrix, by its name, and why.
struct Choice {
    StorageWays ways;
    std::map<std::string, std::size_t, std::less<>> of{};
    Json report = Json::array();
};

/// Measures every way to store every matrix on some of the texts, and spends the bits where they pay most.
Choice choose_storage(const RecipeRequest& request, const Config& config, double bits, const CalibrationSet& set, Network<float>& original,
                      const std::function<bool(const Parameter<float>&)>& wanted, Execution run, bool quiet) {
    constexpr std::size_t few_texts = 32;
    Choice out{storage_ways(request, config)};
    const std::vector<std::vector<std::uint32_t>> scored(set.samples().begin(), set.samples().begin() + static_cast<std::ptrdiff_t>(std::min(few_texts, set.samples().size())));
    const auto all = static_cast<double>(std::ranges::count_if(original.parameters(), wanted));
    double least = 0, count = 0;
    for (const Parameter<float>& one : original.parameters()) {
        if (!wanted(one)) continue;
        count += static_cast<double>(one.value.values().size());
        least += static_cast<double>(one.value.rows() * (packed_row_bytes(request.layout, one.value.cols()) + bits_of(request.scale_storage) / 8));
    }
    if (bits < 8 * least / count)
        throw error(errc::bad_value, message("--bits ", bits, ": one plane in ", to_string(request.layout), " with a scale a row takes ", fixed(8 * least / count, 2),
                                             " already", request.layout == Layout::trit5 ? "" : "; --layout trit5 takes less"));
    Progress progress("measure", quiet);
    std::size_t done = 0;
    const std::vector<Sensitivity> measured = measure_sensitivity(original, set, scored, out.ways.quantizers, wanted, run, [&](const Sensitivity& one) {
        progress.update(static_cast<double>(++done) / std::max(1.0, all), one.name);
    });
    std::vector<std::vector<StorageOption>> options;
    std::size_t weights = 0;
    for (const Sensitivity& one : measured) {
        options.push_back(one.options);
        weights += one.weights;
    }
    const Allocation allocation = allocate(options, static_cast<std::size_t>(bits * static_cast<double>(weights) / 8));
    Json::Array rows;
    for (std::size_t i = 0; i < measured.size(); ++i) {
        out.of.emplace(measured[i].name, allocation.chosen[i]);
        Json::Array costs;
        for (std::size_t way = 0; way < options[i].size(); ++way)
            costs.push_back(Json::object({{"way", out.ways.names[way]}, {"bytes", options[i][way].bytes}, {"kl", options[i][way].loss}}));
        rows.push_back(Json::object({{"name", measured[i].name}, {"chosen", out.ways.names[allocation.chosen[i]]}, {"measured", Json::array(std::move(costs))}}));
    }
    out.report = Json::array(std::move(rows));
    return out;
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

}  // namespace

Calibrated calibrate_with(const RecipeRequest& request, const Config& config, const CalibratingOptions& options, Target target,
                          Network<float>& original, const Documents& text, Execution run, bool quiet) {
    const auto begin = std::chrono::steady_clock::now();
    const CalibrationSet set = CalibrationSet::from_ids(
        text, {.samples = config.calibration_samples, .tokens = std::min<std::size_t>(config.calibration_sequence_length, original.config().max_positions),
               .batch = config.calibration_batch_size});
    const CalibratedRecipe recipe = calibrated_recipe(request, config);
    Calibrated out{{preservation_of(request, config), request.layout, recipe.policies, {}},
                   Network<float>(original.config(), original.parameters(), *run.kernels), Json::object()};
    const auto wanted = [&](const Parameter<float>& one) { return becomes_ternary(one, out.tensors.preservation); };
    const auto all = static_cast<double>(std::ranges::count_if(original.parameters(), wanted));
    std::optional<Choice> choice;
    if (options.bits != 0) choice.emplace(choose_storage(request, config, options.bits, set, original, wanted, run, quiet));
    if (choice) out.tensors.how = choice->ways.policies;
    const auto choose = [&](const Parameter<float>& one) -> const MatrixQuantizer* {
        if (!wanted(one)) return nullptr;
        return choice ? &choice->ways.quantizers[choice->of.at(one.spec.name)] : &recipe.quantizer;
    };
    Json::Array matrices;
    std::size_t most_inputs = 0;
    Progress progress("calibrate", quiet);
    calibrate(out.network, original, set, choose, {.target = target, .rotate = options.rotate, .refine = {.passes = options.refine}}, run,
              [&](const CalibratedMatrix& matrix, const TernaryPlanes& made) {
        out.tensors.made.emplace(matrix.name, made);
        most_inputs = std::max(most_inputs, made.cols());
        matrices.push_back(Json::object({{"name", matrix.name}, {"output_error", matrix.output_error}, {"plain_error", matrix.plain_error},
                                         {"damping", matrix.damping}, {"dead_inputs", matrix.dead_inputs}, {"seconds", matrix.seconds}}));
        progress.update(static_cast<double>(matrices.size()) / std::max(1.0, all), matrix.name);
    });
    out.report = Json::object({{"target", to_string(target)},
                               {"rotated", options.rotate},
                               {"refined", options.refine},
                               {"samples", set.samples().size()},
                               {"tokens", set.tokens()},
                               {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()},
                               {"matrices", Json::array(std::move(matrices))}});
    round_the_rest(out, wanted, recipe.quantizer, run);
    if (choice) out.report.set("storage", choice->report);
    // With fewer tokens than inputs some directions are never seen; ten times as many is where more stops to matter much.
    if (set.tokens() < 10 * most_inputs)
        out.report.set("warning", message(set.tokens(), " tokens to calibrate matrices of up to ", most_inputs, " inputs are few: give more text"));
    return out;
}

}  // namespace cli
