#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/file_list.hpp>
#include <bitnet/pipeline/hand_in.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/pipeline/registry.hpp>
#include <bitnet/report/report.hpp>

#include "compressing.hpp"
#include "interrupt.hpp"
#include "preflight.hpp"
#include "profiling.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// A knob that nothing here reads must not be set in vain. Those of learning are read where there is a text to learn from.
void refuse_ignored_knobs(const Config& config, bool learns) {
    static constexpr std::array<std::string_view, 13> always{
        "model_path", "output_path", "device", "quantization_bits", "preserve_embedding_precision",
        "preserve_output_precision", "sparsity_threshold", "target_compression_ratio", "num_workers", "save_quantized",
        "save_dequantized_fp16", "wandb_enabled", "wandb_project"};
    static constexpr std::array<std::string_view, 14> learning{
        "calibration_dataset", "calibration_samples", "calibration_batch_size", "calibration_sequence_length", "max_accuracy_drop", "enable_fine_tuning", "fine_tune_epochs", "fine_tune_lr", "fine_tune_threshold", "warmup_steps", "enable_grokfast",
        "grokfast_ema_alpha", "grokfast_lambda", "seed"};
    for (const std::string& key : config.given) {
        const bool of_learning = std::find(learning.begin(), learning.end(), key) != learning.end();
        if (of_learning && !learns)
            throw error(errc::bad_value, message(key, ": nothing is ", key.starts_with("calibration") ? "calibrated" : key == "max_accuracy_drop" ? "measured" : "learned", " without --text or --self-text, and it would be ignored; leave it out"));
        if (!of_learning && std::find(always.begin(), always.end(), key) == always.end())
            throw error(errc::bad_value, message(key, ": nothing here reads it, and it would be ignored; leave it out"));
    }
}

/// Knobs of the configuration that somebody set, over the options' defaults and under what was typed.
void apply_knobs(const Config& config, CompressOptions& options) {
    const auto given = [&](const char* key, std::initializer_list<const char*> flags) {
        const auto is_typed = [&](const char* flag) { return typed(*options.learning_group, flag); };
        return config.given.contains(key) && std::none_of(flags.begin(), flags.end(), is_typed);
    };
    LearningOptions& learning = options.request.learning;
    if (given("enable_fine_tuning", {"--fine-tune"}) && !config.enable_fine_tuning) options.request.fine_tune = "never";
    if (given("fine_tune_epochs", {"--epochs", "--steps"})) {
        learning.epochs = static_cast<double>(config.fine_tune_epochs);
        if (config.fine_tune_epochs == 0) options.request.fine_tune = "never";
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
Config read_config(const CompressOptions& options) {
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
/// What options refuse beside each other.
void check_options(const CompressOptions& options, const Config& config) {
    const CompressRequest& request = options.request;
    from_command_line([&] {
        check_recipe(request.recipe, config);
        target_of(request.calibrating, request.recipe, options.lesson.given());
        check_searching(options.searching, request.calibrating, request.recipe, config, options.lesson.given());
    });
    if (!request.can_learn())
        for (const CLI::Option* const option : options.learning_group->get_options()) {
            const std::string name = option->get_name();
            const bool reads_text = name == "--context" || name == "--batch-tokens" || name == "--seed";
            if (option->count() > 0 && !reads_text && !(name == "--fine-tune" && request.fine_tune != "always"))
                throw CLI::ValidationError(name, request.calibrating.allots() ? "training goes through one plane of trits, and planes are chosen matrix by matrix"
                                                                              : "training goes through one plane of trits without offsets");
        }
    if (request.calibrating.rotate && !request.learning.ste.empty() && request.learning.ste != "learned_scale" && request.fine_tune != "never")
        throw CLI::ValidationError("--ste", "in a rotated basis scales learn: learned_scale");
}

/// Without a text only sizes can be judged, and that is told but not enforced.
GateMode gate_mode(const CompressOptions& options) {
    const std::string& typed = options.gates;
    if (typed.empty()) return options.lesson.given() ? GateMode::enforce : GateMode::warn;
    return typed == "enforce" ? GateMode::enforce : typed == "warn" ? GateMode::warn : GateMode::off;
}

GateLimits limits_of(const CompressOptions& options, const Config& config) {
    GateLimits out{.max_degradation = config.max_accuracy_drop, .min_compression_ratio = config.target_compression_ratio};
    if (options.request.recipe.recipe != "phase4") out.max_sparsity = 0.55;  // the least error is at 44 to 46 %, and groups scatter
    return out;
}

/// Why a gate of size failed: what is kept, of which role, and how much of the file that takes.
std::string why_large(const Json& record, const ModelDir& model) {
    using enum Treatment;
    Preflight sizes{.quantized_bytes = record.at("quantized_bytes").as_unsigned()};
    for (const Json& row : record.at("tensors").as_array())
        for (const ModelTensor& tensor : model.tensors())
            for (const Treatment treatment : {ternary, fp32, fp16, bf16, int8_rows, unchanged})
                if (row.at("name").as_string() == tensor.name && row.at("treatment").as_string() == to_string(treatment))
                    sizes.tensors.push_back({.name = tensor.name, .role = tensor.role, .treatment = treatment, .shape = tensor.shape,
                                             .parameters = tensor.buffer ? 0 : element_count(tensor.shape), .stored_bytes = row.at("stored_bytes").as_unsigned()});
    return message(what_is_kept(sizes), "; --dry-run says what each change would come to");
}

/// Everything that is known when the models are made and judged.
void complete(Json& record, const CompressOptions& options, const HandIn& said, const ModelDir& model) {
    HandInFigures measured{.parameters = model.parameter_count(), .original_bytes = model.original_bytes_fp32()};
    measured.perplexity = report::perplexity_before(record);
    measured.accuracy = report::find_number(record, {"agreement", "reference_accuracy"});
    const std::vector<Check> checks = check_hand_in(said, measured);
    record.set("hand_in", hand_in_to_json(measured, checks));
    Json::Array notes = record.at("notes").as_array();
    for (const Check& one : checks)
        if (one.state == Check::State::warning) notes.emplace_back(one.sentence);
    if (const Json* const gates = record.find("gates"))
        if (std::ranges::any_of(gates->as_array(), [](const Json& gate) {
                return gate.at("state").as_string() == "failed" && (gate.at("name").as_string() == "compression_ratio" || gate.at("name").as_string() == "quantized_share");
            }))
            notes.emplace_back(why_large(record, model));
    if (report::find_flag(record, {"out_of_time"}).value_or(false)) notes.emplace_back("--time-limit: a gate failed when the time was over, and no further way was begun");
    const Json::Array& history = report::find_items(record, {"fine_tuning", "training", "history"});
    const auto unwritten = [](const Json& step) { return report::find_text(step, {"event"}).starts_with("checkpoint not written"); };
    const auto last = std::find_if_not(history.rbegin(), history.rend(), unwritten);
    if (last != history.rend() && report::find_text(*last, {"event"}).ends_with("out of time"))
        notes.emplace_back("--time-limit: training ended before its last step");
    if (!options.lesson.given()) notes.emplace_back("quality was not measured: without --text or --self-text there is nothing to measure it on");
    record.set("notes", Json::array(std::move(notes)));
}

void write_record(const std::filesystem::path& directory, Json& record) {
    record.set(files_key, describe_files(directory));
    save_compression_metadata(directory, record);
    write_file(directory / report_file_name, report_html(record));
}

/// What failed stays only where that was asked for, and never under the name of the output.
std::string reject(PipelineResult& result, const AtomicDirectory& output, std::optional<AtomicDirectory>& rejected) {
    std::string sentence = message(output.target().string(), ": not written, the original is untouched");
    if (rejected) {
        result.record.set("output", rejected->target().string());
        for (const auto& entry : std::filesystem::directory_iterator(output.path())) std::filesystem::rename(entry.path(), rejected->path() / entry.path().filename());
        write_record(rejected->path(), result.record);
        rejected->commit();
        sentence = message(rejected->target().string(), ": kept, rejected");
    }
    for (const std::string& failure : result.failures()) sentence += message("\nbitnet: ", failure);
    return sentence;
}

void print(const Json& record, const CommonOptions& common, bool written) {
    if (common.json)
        std::puts(to_text(record).c_str());
    else
        print_record(record);
    if (!common.json && written) std::printf("written     %s\n", record.at("output").as_string().c_str());
    std::fflush(stdout);
}

/// What was typed, over the configuration, checked.
Config configure(CompressOptions& options, const CommonOptions& common) {
    Config config = read_config(options);
    apply_knobs(config, options);
    refuse_idle_options(*options.learning_group, options.request.learning, true);
    if (common.threads != 0) config.set("num_workers", std::to_string(common.threads));
    RecipeRequest& recipe = options.request.recipe;
    recipe.preservation.precision = kept_as(options.kept_as);
    recipe.layout = *layout_named(options.layout);
    recipe.scale_storage = type_named(options.scale_type);
    check_options(options, config);
    return config;
}

/// What is wrong with a register is told before the work.
void check_registry(const std::filesystem::path& file) {
    if (file.empty()) return;
    const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    if (!std::filesystem::is_directory(directory)) throw error(errc::io, message(file.string(), ": cannot create: there is no directory ", directory.string()));
    if (std::filesystem::exists(file)) read_registry(file);
}

void compress(CompressOptions& options, const CommonOptions& common) {
    Config config = configure(options, common);
    const Execution run{&best_kernels(), static_cast<unsigned>(config.num_workers)};
    const ModelDir model(config.model_path, {.architecture = options.architecture});
    config.adapt_to_model_size(model.parameter_count());
    if (options.dry_run) return show_preflight({options.request.recipe, config, options.request.calibrating, options.lesson.given()}, model, run, common.json);
    require_apart(config.model_path, config.output_path);
    const HandIn said = options.hand_off.empty() ? HandIn{} : read_hand_in(options.hand_off);
    check_registry(options.registry);
    listen_for_interrupts();
    AtomicDirectory directory(config.output_path, options.force, metadata_file_name);
    JobMetrics metrics(options.sinks, config, to_json(config).set("recipe", options.request.recipe.recipe), directory);
    options.request.learning.log = [&metrics](const TrainingRecord& step) { metrics.step(step); };
    LivePage live(options.live, config.model_path);
    std::optional<WorkDirectory> work;
    if (options.lesson.given()) work.emplace(directory);
    if (work && !options.request.learning.run.resume) work->begin_anew(options.force);
    std::optional<AtomicDirectory> kept_apart;  // a name that is in the way is told of now
    if (options.keep_rejected) kept_apart.emplace(std::filesystem::path(directory.target()) += ".rejected", true, metadata_file_name);
    PipelineOptions pipeline{.limits = limits_of(options, config), .gates = gate_mode(options)};
    CompressJob job(options, config, model, work ? &*work : nullptr,
                    pipeline.gates == GateMode::off ? std::nullopt : std::optional(pipeline.limits), run, common.quiet);
    const Json search = job.search(options.request, config);
    if (options.time_limit != 0) pipeline.time_limit = options.time_limit - job.seconds();
    PipelineResult result = resumable(work ? &*work : nullptr, [&] { return run_pipeline(job, options.request, pipeline, directory.path()); });
    if (search.is_object()) result.record.set("search", search);
    result.record.set("timing", job.timing());
    if (options.profile) result.record.set("profile", profile_of(result.record, job.products(), run.threads));
    complete(result.record, options, said, model);
    const bool rejected = pipeline.gates == GateMode::enforce && !result.success();
    metrics.finish(result.record, rejected ? 3 : 0);
    if (rejected) {
        const std::string sentence = reject(result, directory, kept_apart);
        if (work) work->done();
        live.finish(result.record);
        print(result.record, common, options.keep_rejected);
        throw GateFailed(sentence);
    }
    write_record(directory.path(), result.record);
    directory.commit();
    if (work) work->done();  // nothing is left to go on with
    live.finish(result.record);
    print(result.record, common, true);
    if (!options.registry.empty()) add_to_registry(options.registry, entries_of_output(config.output_path, result.record, weights_sha256(config.model_path)));
}

}  // namespace

Action add_compress(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<CompressOptions>();
    app.add_option("MODEL", options->model, "HuggingFace model directory, or a file of weights with --arch generic");
    app.add_option("-o,--output", options->output, "directory for quantized/ and dequantized/");
    app.add_option("--recipe", options->request.recipe.recipe, recipe_help())->capture_default_str();
    app.add_option("--quantizer", options->request.recipe.quantizer, "absmean, round_clip or least_squares");
    app.add_option("--scale", options->request.recipe.scale, "tensor, row, group:64 or group:128");
    app.add_option("--planes", options->request.recipe.planes, "of trits whose sum a weight is: 2 take twice the bits and lose far less")
        ->check(CLI::Range(1, 2))->capture_default_str();
    app.add_flag("--asymmetric", options->request.recipe.asymmetric, "levels about an offset beside each scale: a little less is lost, an offset takes what a scale takes");
    app.add_option("--scale-type", options->scale_type, "how scales are stored: fp16, bf16 or fp32")
        ->check(CLI::IsMember({"fp16", "bf16", "fp32"}))->capture_default_str();
    app.add_option("--sparsity-threshold", options->threshold, "zero below this share of the scale (absmean), 0 to 4");
    app.add_option("--layout", options->layout, "how codes are packed: trit2 (2 bits), trit5 (1.6 bits), int8")
        ->check(CLI::IsMember({"trit2", "trit5", "int8"}))->capture_default_str();
    app.add_option("--keep", options->request.recipe.preservation.keep, "patterns of tensors that stay, e.g. \"model.layers.0.*\"");
    app.add_option("--ternary", options->request.recipe.preservation.ternary, "patterns of tensors that become ternary");
    app.add_option("--keep-as", options->kept_as, "precision of what stays: fp16, bf16, fp32 or int8 (rows)")
        ->check(CLI::IsMember({"fp16", "bf16", "fp32", "int8"}))->capture_default_str();
    app.add_option("--arch", options->architecture, "architecture to use instead of config.json's; generic: by name patterns");
    app.add_option("--config", options->config_file, "JSON file of knobs");
    app.add_option("--set", options->settings, "key=value, over --config; may be repeated")->take_all()->allow_extra_args(false);
    add_sinks(app, options->sinks);
    add_live(app, options->live);
    app.add_option("--handoff", options->hand_off, "JSON file with what an earlier phase says of the model: pre_perplexity, pre_accuracy, model_size_mb, tokenizer_path");
    app.add_option("--registry", options->registry, "JSON file that the models are entered in; it is made where it is not there");
    add_lesson(app, options->lesson);
    add_calibrating(app, options->request.calibrating, options->lesson);
    add_searching(app, options->searching);
    CLI::App* const learning = add_learning(app, options->request.learning);
    learning->add_option("--fine-tune", options->request.fine_tune, "train through the ternary weights, with the original as teacher: auto (where "
                   "perplexity rises by more than fine_tune_threshold), always or never. Needs --text or --self-text")
        ->check(CLI::IsMember({"auto", "always", "never"}))->capture_default_str();
    add_checkpoints(*learning, options->request.learning);
    app.add_option("--gates", options->gates, "what a failed quality gate does: enforce (other ways are tried; nothing is written where all fail, and the status is 3), warn, or "
                   "off (nothing is measured); default: enforce with a text, else warn")
        ->check(CLI::IsMember({"enforce", "warn", "off"}));
    app.add_flag("--keep-rejected", options->keep_rejected, "keep what failed, as OUT.rejected");
    app.add_option("--time-limit", options->time_limit, "seconds behind which no other way is begun, and training stops")->check(CLI::Range(1.0, 1e9));
    app.add_option("--other-text", options->other_text, "text of another kind that both models are compared on; default: one that is built in");
    app.add_flag("--force", options->force, "replace an output that is there");
    app.add_flag("--profile", options->profile, "how fast each stage multiplied and each tensor was moved, beside what this machine can do");
    app.add_flag("--dry-run", options->dry_run, "say what would be compressed, how small it would become, which gates cannot pass and how long rounding takes, and write nothing");
    options->learning_group = learning;
    return [options, learning, &app, &common] {
        for (const CLI::App* const group : {static_cast<const CLI::App*>(&app), static_cast<const CLI::App*>(learning)})
            for (const CLI::Option* const option : group->get_options())
                if (option->count() > 0) options->typed.insert(option->get_name());
        if (!options->lesson.validation.empty() && !options->lesson.given())
            throw CLI::ValidationError("--eval-text", "nothing is measured or learned without --text or --self-text");
        if (!options->other_text.empty() && (!options->lesson.given() || options->gates == "off"))
            throw CLI::ValidationError("--other-text", "nothing is measured without --text or --self-text, or with --gates off");
        if (options->keep_rejected && gate_mode(*options) != GateMode::enforce)
            throw CLI::ValidationError("--keep-rejected", "nothing is rejected unless gates are enforced");
        if (options->time_limit != 0 && !options->lesson.given())
            throw CLI::ValidationError("--time-limit", "nothing that takes long is done without --text or --self-text");
        for (const CLI::Option* const option : learning->get_options())
            if (option->count() > 0 && !options->lesson.given())
                throw CLI::ValidationError(option->get_name(), "nothing is learned without --text or --self-text");
        if (!options->architecture.empty() && options->lesson.given())
            throw CLI::ValidationError("--arch", "a model that learns is of the architecture that its config.json names");
        compress(*options, common);
    };
}

}  // namespace cli
