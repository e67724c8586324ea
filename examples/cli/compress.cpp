#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <bitnet/calibrate/calibrated_start.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/report/report.hpp>

#include "calibrating.hpp"
#include "commands.hpp"
#include "learning.hpp"
#include "recipes.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct Options {
    std::string model, output, config_file, architecture;
    std::vector<std::string> settings;
    std::string threshold, kept_as = "fp16", layout = "trit2", scale_type = "fp16";
    RecipeRequest request;
    LessonOptions lesson;
    LearningOptions learning;
    CalibratingOptions calibrating;
    const CLI::App* learning_group = nullptr;
    std::string fine_tune = "auto";
    bool force = false;
};

/// A knob that nothing here reads must not be set in vain. Those of learning are read where there is a text to learn from.
void refuse_ignored_knobs(const Config& config, bool learns) {
    static constexpr std::array<std::string_view, 11> always{
        "model_path", "output_path", "device", "quantization_bits", "preserve_embedding_precision",
        "preserve_output_precision", "sparsity_threshold", "target_compression_ratio", "num_workers", "save_quantized",
        "save_dequantized_fp16"};
    static constexpr std::array<std::string_view, 13> learning{
        "calibration_dataset", "calibration_samples", "calibration_batch_size", "calibration_sequence_length", "enable_fine_tuning", "fine_tune_epochs", "fine_tune_lr", "fine_tune_threshold", "warmup_steps", "enable_grokfast",
        "grokfast_ema_alpha", "grokfast_lambda", "seed"};
    for (const std::string& key : config.given) {
        const bool of_learning = std::find(learning.begin(), learning.end(), key) != learning.end();
        if (of_learning && !learns)
            throw error(errc::bad_value, message(key, ": nothing is ", key.starts_with("calibration") ? "calibrated" : "learned", " without --text or --self-text, and it would be ignored; leave it out"));
        if (!of_learning && std::find(always.begin(), always.end(), key) == always.end())
            throw error(errc::bad_value, message(key, ": nothing here reads it, and it would be ignored; leave it out"));
    }
}

/// Knobs of the configuration that somebody set, over the options' defaults and under what was typed.
void apply_knobs(const Config& config, Options& options) {
    const auto given = [&](const char* key, std::initializer_list<const char*> flags) {
        const auto is_typed = [&](const char* flag) { return typed(*options.learning_group, flag); };
        return config.given.contains(key) && std::none_of(flags.begin(), flags.end(), is_typed);
    };
    LearningOptions& learning = options.learning;
    if (given("enable_fine_tuning", {"--fine-tune"}) && !config.enable_fine_tuning) options.fine_tune = "never";
    if (given("fine_tune_epochs", {"--epochs", "--steps"})) {
        learning.epochs = static_cast<double>(config.fine_tune_epochs);
        if (config.fine_tune_epochs == 0) options.fine_tune = "never";
    }
    if (given("fine_tune_lr", {"--learning-rate"})) {
        if (config.fine_tune_lr == 0) throw error(errc::bad_value, "fine_tune_lr: nothing is learned with 0; enable_fine_tuning=false says so");
        learning.learning_rate = config.fine_tune_lr;
    }
    if (given("warmup_steps", {"--warmup"})) learning.step.schedule.warmup = static_cast<std::size_t>(config.warmup_steps);
    const bool alpha = given("grokfast_ema_alpha", {"--grokfast-alpha"}), lambda = given("grokfast_lambda", {"--grokfast-lambda"});
    if (!typed(*options.learning_group, "--optimizer")) {
        if (alpha || lambda) learning.optimizer = "mu_grokfast";
        if (config.given.contains("enable_grokfast")) learning.optimizer = config.enable_grokfast ? "mu_grokfast" : "adamw";
    }
    if (alpha) learning.grokfast_alpha = static_cast<float>(config.grokfast_ema_alpha);
    if (lambda) learning.grokfast_lambda = static_cast<float>(config.grokfast_lambda);
    if (given("seed", {"--seed"})) learning.seed = config.seed;
    options.lesson.samples = config.calibration_samples;
    options.lesson.sample_tokens = config.calibration_sequence_length;
    if (options.lesson.dataset.empty()) options.lesson.dataset = config.calibration_dataset;
    if (config.given.contains("calibration_dataset") && options.lesson.datasets.empty())
        throw error(errc::bad_value, "calibration_dataset: nothing reads it without --datasets; leave it out");
}

/// --set over --config over the defaults; then the model's size, where neither said anything.
Config read_config(const Options& options) {
    Config config;
    if (!options.config_file.empty()) {
        config = config_from_json(read_json_file(options.config_file), options.config_file);
        refuse_ignored_knobs(config, options.lesson.given());
    }
    if (!options.model.empty()) config.set("model_path", options.model);
    if (!options.output.empty()) config.set("output_path", options.output);
    for (const std::string& setting : options.settings) {
        const std::size_t equals = setting.find('=');
        if (equals == std::string::npos) throw CLI::ValidationError("--set", setting + " is not key=value");
        from_command_line([&] {
            config.set(setting.substr(0, equals), setting.substr(equals + 1));
            config.given.insert(setting.substr(0, equals));  // the default too, where it is asked for
            refuse_ignored_knobs(config, options.lesson.given());
        });
    }
    if (!options.threshold.empty()) from_command_line([&] { config.set("sparsity_threshold", options.threshold); });
    if (config.model_path.empty()) throw CLI::RequiredError("MODEL");
    return config;
}

Treatment kept_as(const std::string& name) {
    return name == "int8" ? Treatment::int8_rows : name == "fp32" ? Treatment::fp32 : name == "bf16" ? Treatment::bf16
                                                                                                     : Treatment::fp16;
}
Json describe(const Options& options, const Config& config, const ModelDir& model, const RecipeResult& result) {
    Json out = Json::object({{"model", config.model_path},
                             {"output", config.output_path},
                             {"bitnet_version", BITNET_VERSION},
                             {"recipe", options.request.recipe},
                             {"policies", result.policies},
                             {"config", to_json(config)},
                             {"size_category", Config::size_category(model.parameter_count())},
                             {"kernels", best_kernels().arch}});
    const Json stats = to_json(result.stats);
    for (const auto& [key, value] : stats.as_object()) out.set(key, value);
    Json::Array notes;
    for (const std::string& note : model.notes()) notes.emplace_back(note);
    out.set("notes", Json::array(std::move(notes)));
    return out;
}

std::string table_of(const CompressionStats& stats) {
    Table table({"tensor", "shape", "kept as", "bits", "zeros", "rel.error", "SQNR dB", "ms"});
    for (const TensorReport& tensor : stats.tensors) {
        const bool ternary = tensor.treatment == Treatment::ternary;
        table.add({tensor.name, to_string(tensor.shape), std::string(to_string(tensor.treatment)),
                   fixed(tensor.bits_per_weight(), 2), ternary ? fixed(100 * tensor.distortion.zeros(), 1) + " %" : "",
                   ternary ? fixed(tensor.distortion.relative_error(), 4) : "",
                   ternary ? fixed(tensor.distortion.sqnr_db(), 2) : "", fixed(1000 * tensor.seconds, 1)});
    }
    return table.text();
}

/// Perplexity of the original, of its rounded weights and of what was learned.
void print_quality(const Json& report) {
    std::printf("quality     perplexity %.4f of the original, %.4f rounded", report.at("pre_perplexity").as_double(),
                report.at("post_compression_perplexity").as_double());
    if (report.find("calibration") != nullptr)
        std::printf(" and calibrated with %llu tokens in %.1f s", static_cast<unsigned long long>(report.at("calibration").at("tokens").as_unsigned()),
                    report.at("calibration").at("seconds").as_double());
    if (report.at("fine_tuned").as_bool())
        std::printf(", %.4f after %llu steps of learning", report.at("training").at("best_perplexity").as_double(),
                    static_cast<unsigned long long>(report.at("training").at("steps_completed").as_unsigned()));
    std::puts("");
    if (report.find("calibration") != nullptr && report.at("calibration").find("warning") != nullptr)
        std::printf("note        %s\n", report.at("calibration").at("warning").as_string().c_str());
    if (report.find("dataset") != nullptr)
        for (const Json& note : report.at("dataset").at("notes").as_array()) std::printf("note        %s\n", note.as_string().c_str());
}

void print(const Config& config, const ModelDir& model, const RecipeResult& result, const Json& quality) {
    const CompressionStats& stats = result.stats;
    const Distortion lost = stats.distortion();
    std::printf("%s\n", table_of(stats).c_str());
    std::printf("ternary     %llu of %llu parameters (%.1f %%) in %llu tensors, %llu tensors kept\n",
                static_cast<unsigned long long>(stats.quantized_params()), static_cast<unsigned long long>(stats.total_params()),
                100.0 * static_cast<double>(stats.quantized_params()) / static_cast<double>(std::max<std::uint64_t>(1, stats.total_params())),
                static_cast<unsigned long long>(stats.layers_quantized()), static_cast<unsigned long long>(stats.layers_preserved()));
    std::printf("codes       %.1f %% -1, %.1f %% 0, %.1f %% +1\n", 100 * lost.share(-1), 100 * lost.share(0), 100 * lost.share(1));
    if (quality.is_object() && quality.at("fine_tuned").as_bool())
        std::puts("error       none against the weights that were learned: they are codes times scales");
    else
        std::printf("error       |W'-W|/|W| = %.3f, SQNR %.2f dB, cosine %.3f\n", lost.relative_error(), lost.sqnr_db(), lost.cosine());
    if (stats.quantized_bytes != 0)
        std::printf("size        %s at FP32 -> %s packed, ratio %.2f (a %s model aims at %.1f)\n",
                    bytes_text(stats.original_bytes).c_str(), bytes_text(stats.quantized_bytes).c_str(),
                    stats.compression_ratio(), std::string(Config::size_category(model.parameter_count())).c_str(),
                    config.target_compression_ratio);
    if (quality.is_object() && quality.find("post_compression_perplexity") != nullptr) print_quality(quality);
    std::printf("time        %.2f s with %s kernels\n", stats.seconds, std::string(best_kernels().arch).c_str());
    for (const TensorReport& tensor : stats.tensors)
        if (!tensor.note.empty()) std::printf("note        %s: %s\n", tensor.name.c_str(), tensor.note.c_str());
    for (const std::string& note : model.notes()) std::printf("note        %s\n", note.c_str());
    std::printf("written     %s\n", config.output_path.c_str());
}

/// Whether the ternary image is one that training goes through: a single plane about 0.
bool can_learn(const Options& options) { return options.request.planes == 1 && !options.request.asymmetric && !options.calibrating.allots(); }

/// What a text did for a model that was to be compressed: nothing where none was named.
struct Improvement {
    Json report{};
    std::optional<ModelDir> model{};  ///< with the weights that were learned; nothing where the original's are to be taken
    std::optional<MadeTensors<preservation::ByPattern>> tensors{};  ///< what calibration made, or what was learned in a rotated basis
};

/// A student that begins with the codes of calibration, and else with as much as can be of the original.
void begin_in_cells(Network<float>& student, const Network<float>& teacher, const std::map<std::string, TernaryPlanes, std::less<>>& made,
                    LearningOptions& learning, Execution run) {
    for (std::size_t i = 0; i < student.parameters().size(); ++i) {
        Parameter<float>& one = student.parameters()[i];
        const auto found = made.find(one.spec.name);
        if (found == made.end()) continue;
        one.value = teacher.parameters()[i].value;
        move_into_cells(one.value, found->second, run);
        learning.start.insert(*found);
    }
}

/// Measures the original and its ternary image on a text; calibrates, and trains, where the rule, or the user, says so.
Improvement improve(const Options& options, const Config& config, const WorkDirectory& work, Execution run, bool quiet) {
    const ModelWeights weights(config.model_path);
    Network<float> teacher(weights.config(), read_parameters<float>(weights, run), *run.kernels);
    const std::size_t context = context_of(options.learning, weights.config());
    Lesson lesson = make_lesson(options.lesson, config.model_path, weights.config(), &weights, options.learning, run, quiet);
    lesson.teacher = &teacher;
    const Json dataset = lesson.dataset;
    const auto perplexity_of = [&](Network<float>& network) { return evaluate(network, lesson.validation, {context, context}, run.threads).perplexity(); };
    const double before = perplexity_of(teacher);
    Improvement out;
    std::optional<Calibrated> calibrated;
    if (const std::optional<Target> target = target_of(options.calibrating, options.request, true))
        calibrated.emplace(calibrate_with(options.request, config, options.calibrating, *target, teacher, lesson.text,
                                          [&](Network<float>& network) { return perplexity_of(network) / before - 1; }, run, quiet));
    out.report = Json::object({{"pre_perplexity", before}});
    if (dataset.is_object()) out.report.set("dataset", dataset);
    if (calibrated) out.report.set("calibration", calibrated->report);
    if (calibrated && options.calibrating.refine != 0) {  // norms too have changed
        Parameters<float> kept = calibrated->network.parameters();
        for (std::size_t i = 0; i < kept.size(); ++i)
            if (calibrated->tensors.made.contains(kept[i].spec.name)) kept[i].value = teacher.parameters()[i].value;
        out.model.emplace(learned_model(work, origin_of(weights), kept));
    }
    if (!can_learn(options) || (calibrated && options.fine_tune == "never")) {
        out.report.set("fine_tuned", false);
        if (calibrated) out.report.set("post_compression_perplexity", perplexity_of(calibrated->network));
        if (calibrated) out.tensors.emplace(std::move(calibrated->tensors));
        return out;
    }
    LearningOptions learning = options.learning;
    choose_defaults(learning, teacher.parameters(), &options.request, config);
    double rounded = 0;
    bool trains = false;
    learning.run.worth = [&](double perplexity) {
        rounded = perplexity;
        return trains = options.fine_tune == "always" ||
                        (options.fine_tune == "auto" && should_fine_tune(before, perplexity, config.fine_tune_threshold));
    };
    Network<float> student(weights.config(), (calibrated ? calibrated->network : teacher).parameters(), *run.kernels);
    if (calibrated && learning.ste == "learned_scale") begin_in_cells(student, teacher, calibrated->tensors.made, learning, run);
    const Learned learned = learn(std::move(student), &options.request, config, learning, std::move(lesson), run, quiet);
    out.report.set("post_compression_perplexity", rounded).set("fine_tuned", trains).set("optimizer", learned.optimizer).set("ste", learned.ste);
    out.report.set("training", to_json(learned.summary));
    if (trains) out.model.emplace(learned_model(work, origin_of(weights), learned.parameters));
    if (trains && options.calibrating.rotate) calibrated->tensors.made = learned.made;  // rounding what was learned would find other codes
    if (calibrated && (!trains || options.calibrating.rotate)) out.tensors.emplace(std::move(calibrated->tensors));
    return out;
}

void compress(Options& options, const CommonOptions& common) {
    Config config = read_config(options);
    apply_knobs(config, options);
    refuse_idle_options(*options.learning_group, options.learning, true);
    if (common.threads != 0) config.set("num_workers", std::to_string(common.threads));
    options.request.preservation.precision = kept_as(options.kept_as);
    options.request.layout = *layout_named(options.layout);
    options.request.scale_storage = type_named(options.scale_type);
    from_command_line([&] {
        check_recipe(options.request, config);
        target_of(options.calibrating, options.request, options.lesson.given());
    });
    if (!can_learn(options))
        for (const CLI::Option* const option : options.learning_group->get_options()) {
            const std::string name = option->get_name();
            const bool reads_text = name == "--context" || name == "--batch-tokens" || name == "--seed";
            if (option->count() > 0 && !reads_text && !(name == "--fine-tune" && options.fine_tune != "always"))
                throw CLI::ValidationError(name, options.calibrating.allots() ? "training goes through one plane of trits, and planes are chosen matrix by matrix"
                                                                              : "training goes through one plane of trits without offsets");
        }
    if (options.calibrating.rotate && !options.learning.ste.empty() && options.learning.ste != "learned_scale" && options.fine_tune != "never")
        throw CLI::ValidationError("--ste", "in a rotated basis scales learn: learned_scale");
    require_apart(config.model_path, config.output_path);

    const ModelDir model(config.model_path, {.architecture = options.architecture});
    config.adapt_to_model_size(model.parameter_count());
    AtomicDirectory directory(config.output_path, options.force, metadata_file_name);
    const Execution run{&best_kernels(), static_cast<unsigned>(config.num_workers)};
    std::optional<WorkDirectory> work;
    Improvement improved;
    if (options.lesson.given()) improved = improve(options, config, work.emplace(directory), run, common.quiet);
    const ModelDir& source = improved.model ? *improved.model : model;
    const CompressionOutputs outputs =
        prepare_outputs(source, directory.path(), {config.save_quantized, config.save_dequantized_fp16});
    RecipeResult result;
    {
        Progress progress("compress", common.quiet);
        const CompressionProgress tell = [&](const TensorReport& tensor, std::uint64_t done, std::uint64_t total) {
            progress.update(total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total), tensor.name);
        };
        if (improved.tensors)
            result = {improved.tensors->how, write_compressed(source, *improved.tensors, outputs, run, tell)};
        else
            result = compress_with(options.request, config, source, outputs, run, tell);
    }
    Json about = describe(options, config, model, result);
    if (options.lesson.given()) about.set("fine_tuning", improved.report);
    const std::string description = to_text(about) + "\n";
    write_file(directory.path() / metadata_file_name, description);
    write_file(directory.path() / report_file_name, report_html(about));
    directory.commit();
    if (common.json)
        std::fputs(description.c_str(), stdout);
    else
        print(config, model, result, improved.report);
}

}  // namespace

Action add_compress(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<Options>();
    app.add_option("MODEL", options->model, "HuggingFace model directory, or a file of weights with --arch generic");
    app.add_option("-o,--output", options->output, "directory for quantized/ and dequantized/");
    app.add_option("--recipe", options->request.recipe, recipe_help())->capture_default_str();
    app.add_option("--quantizer", options->request.quantizer, "absmean, round_clip or least_squares");
    app.add_option("--scale", options->request.scale, "tensor, row, group:64 or group:128");
    app.add_option("--planes", options->request.planes, "of trits whose sum a weight is: 2 take twice the bits and lose far less")
        ->check(CLI::Range(1, 2))->capture_default_str();
    app.add_flag("--asymmetric", options->request.asymmetric, "levels about an offset beside each scale: a little less is lost, an offset takes what a scale takes");
    app.add_option("--scale-type", options->scale_type, "how scales are stored: fp16, bf16 or fp32")
        ->check(CLI::IsMember({"fp16", "bf16", "fp32"}))->capture_default_str();
    app.add_option("--sparsity-threshold", options->threshold, "zero below this share of the scale (absmean), 0 to 4");
    app.add_option("--layout", options->layout, "how codes are packed: trit2 (2 bits), trit5 (1.6 bits), int8")
        ->check(CLI::IsMember({"trit2", "trit5", "int8"}))->capture_default_str();
    app.add_option("--keep", options->request.preservation.keep, "patterns of tensors that stay, e.g. \"model.layers.0.*\"");
    app.add_option("--ternary", options->request.preservation.ternary, "patterns of tensors that become ternary");
    app.add_option("--keep-as", options->kept_as, "precision of what stays: fp16, bf16, fp32 or int8 (rows)")
        ->check(CLI::IsMember({"fp16", "bf16", "fp32", "int8"}))->capture_default_str();
    app.add_option("--arch", options->architecture, "architecture to use instead of config.json's; generic: by name patterns");
    app.add_option("--config", options->config_file, "JSON file of knobs");
    app.add_option("--set", options->settings, "key=value, over --config; may be repeated")->take_all()->allow_extra_args(false);
    add_lesson(app, options->lesson);
    add_calibrating(app, options->calibrating, options->lesson);
    CLI::App* const learning = add_learning(app, options->learning);
    learning->add_option("--fine-tune", options->fine_tune, "train through the ternary weights, with the original as teacher: auto (where "
                   "perplexity rises by more than fine_tune_threshold), always or never. Needs --text or --self-text")
        ->check(CLI::IsMember({"auto", "always", "never"}))->capture_default_str();
    app.add_flag("--force", options->force, "replace an output that is there");
    options->learning_group = learning;
    return [options, learning, &common] {
        if (!options->lesson.validation.empty() && !options->lesson.given())
            throw CLI::ValidationError("--eval-text", "nothing is measured or learned without --text or --self-text");
        for (const CLI::Option* const option : learning->get_options())
            if (option->count() > 0 && !options->lesson.given())
                throw CLI::ValidationError(option->get_name(), "nothing is learned without --text or --self-text");
        if (!options->architecture.empty() && options->lesson.given())
            throw CLI::ValidationError("--arch", "a model that learns is of the architecture that its config.json names");
        compress(*options, common);
    };
}

}  // namespace cli
