#include "calibrating.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

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
    if (options.refine != 0 && !calibrates) throw error(errc::bad_value, "--refine: needs calibration, with --text or --self-text");
    if (options.rotate && !calibrates) throw error(errc::bad_value, "--rotate: needs calibration, with --text or --self-text");
    if (!calibrates) return {};
    return options.target == "own" ? Target::own : options.target == "original" ? Target::original : Target::stream;
}

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
    Json::Array matrices;
    std::size_t most_inputs = 0;
    Progress progress("calibrate", quiet);
    calibrate(out.network, original, set, recipe.quantizer, wanted, {.target = target, .rotate = options.rotate, .refine = {.passes = options.refine}}, run,
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
    // With fewer tokens than inputs some directions are never seen; ten times as many is where more stops to matter much.
    if (set.tokens() < 10 * most_inputs)
        out.report.set("warning", message(set.tokens(), " tokens to calibrate matrices of up to ", most_inputs, " inputs are few: give more text"));
    return out;
}

}  // namespace cli
