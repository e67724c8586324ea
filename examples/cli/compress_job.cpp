#include "compressing.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <utility>

#include <bitnet/calibrate/calibrated_start.hpp>
#include <bitnet/core/work_count.hpp>
#include <bitnet/eval/other_text.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/comparison.hpp>
#include <bitnet/pipeline/metadata.hpp>

#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// A student that begins with the codes of calibration, and else with as much as can be of the original.
void begin_in_cells(Network<float>& student, const Network<float>& teacher, const MadePlanes& made,
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

/// What weights are made with, storage of what is kept apart: with the same, they need not be made again.
std::string key_of(const CompressRequest& request) {
    const RecipeRequest& recipe = request.recipe;
    return to_text(Json::object({{"recipe", Json::array({recipe.recipe, recipe.quantizer, recipe.scale, recipe.planes, recipe.asymmetric, recipe.preservation.keep, recipe.preservation.ternary, to_string(recipe.layout), to_string(recipe.scale_storage)})},
                                 {"calibrating", Json::array({request.calibrating.target, request.calibrating.rotate, request.calibrating.refine, request.calibrating.refine_together, request.calibrating.bits,
                                                              request.calibrating.degradation})},
                                 {"learning", identity_of(request.learning)},
                                 {"fine_tune", request.fine_tune},
                                 {"threshold", request.threshold ? Json(*request.threshold) : Json(nullptr)},
                                 {"text_factor", request.text_factor}}));
}

/// Adds to a stage's seconds and products when it goes.
class Stage {
public:
    Stage(Json& timing, Json& products, const char* name) : timing_(timing), products_(products), name_(name) {}
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() {
        const auto add = [this](Json& to, double more) {
            const Json* const before = to.find(name_);
            to.set(name_, more + (before != nullptr ? before->as_double() : 0));
        };
        add(timing_, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count());
        add(products_, static_cast<double>(products_so_far() - before_));
    }

private:
    Json &timing_, &products_;
    const char* name_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::uint64_t before_ = products_so_far();
};

Json describe(const CompressRequest& request, const Config& config, const ModelDir& model, const RecipeResult& result) {
    Json out = Json::object({{"model", config.model_path},
                             {"output", config.output_path},
                             {"bitnet_version", BITNET_VERSION},
                             {"recipe", request.recipe.recipe},
                             {"policies", result.policies},
                             {"config", to_json(config)},
                             {"size_category", Config::size_category(model.parameter_count())},
                             {"target_compression_ratio", config.target_compression_ratio},
                             {"kernels", best_kernels().arch}});
    const Json stats = to_json(result.stats);
    for (const auto& [key, value] : stats.as_object()) out.set(key, value);
    Json::Array notes;
    for (const std::string& note : model.notes()) notes.emplace_back(note);
    out.set("notes", Json::array(std::move(notes)));
    return out;
}

}  // namespace

CompressJob::CompressJob(const CompressOptions& options, const Config& config, const ModelDir& model, const WorkDirectory* work, const std::optional<GateLimits>& limits, Execution run,
                         bool quiet)
    : options_(options), config_(config), model_(model), work_(work), limits_(limits), run_(run), quiet_(quiet) {
    if (!reads_texts()) return;
    const Stage stage(timing_, products_, "texts and the original");
    weights_.emplace(config.model_path);
    teacher_.emplace(weights_->config(), read_parameters<float>(*weights_, run), *run.kernels);
    const std::size_t context = context_of(options.request.learning, weights_->config());
    lesson_ = make_lesson(options.lesson, config.model_path, weights_->config(), &*weights_, options.request.learning, run, quiet, work->path());
    lesson_.teacher = &*teacher_;
    texts_.windows = {context, context};
    texts_.validation = lesson_.validation;
    before_ = perplexity_of(*teacher_);
    if (!limits_) return;
    original_.emplace(*weights_, ActivationPrecision::fp32, run);
    if (!options.other_text.empty()) {
        texts_.elsewhere = read_documents({{options.other_text}, options.lesson.text.split}, [&] { return open_tokenizer(*weights_); });
        texts_.elsewhere_name = options.other_text.filename();
    } else if (options.lesson.text.split != "ids") {
        texts_.elsewhere = {open_tokenizer(*weights_).encode(other_text)};
        texts_.elsewhere_name = "built-in text of another kind";
    }
}

double CompressJob::perplexity_of(Network<float>& network) const {
    return evaluate(network, lesson_.validation, texts_.windows, run_.threads).perplexity();
}

void CompressJob::told(std::string_view attempt) const {
    tell_live("log", Json::object({{"text", message("attempt: ", attempt)}}));
    if (!quiet_ && attempt != "as asked") std::fprintf(stderr, "a gate failed; now with %s\n", std::string(attempt).c_str());
}

Config CompressJob::config_of(const Request& request) const {
    Config out = config_;
    if (request.threshold) out.set("sparsity_threshold", message(*request.threshold));
    if (request.text_factor > 1 && !out.given.contains("calibration_samples")) out.calibration_samples *= request.text_factor;
    return out;
}

Lesson CompressJob::lesson_of(const Request& request) {
    if (request.text_factor > text_factor_) {
        const Stage stage(timing_, products_, "texts and the original");
        documents_ = lesson_.text.size();
        extend_lesson(lesson_, options_.lesson, config_.model_path, *weights_, options_.request.learning, text_factor_, request.text_factor, run_, quiet_, work_->path());
        text_factor_ = request.text_factor;
    }
    Lesson out = lesson_;
    if (request.text_factor == 1 && text_factor_ > 1) out.text.resize(documents_);
    return out;
}

std::optional<double> CompressJob::better_threshold(const Request& request) {
    const Stage stage(timing_, products_, "search");
    RecipeRequest recipe = variants_of(request.recipe).front();  // all of it as if typed: nothing but the threshold is left to be searched
    Config config = config_;
    search_recipe({.seconds = std::numeric_limits<double>::infinity()}, request.calibrating, recipe, config, *teacher_, lesson_.validation, texts_.windows.context, run_, quiet_);
    return config.sparsity_threshold == config_.sparsity_threshold ? std::nullopt : std::optional(config.sparsity_threshold);
}

KeptStages CompressJob::stages_of(Json about, const Lesson& lesson) const {
    about.set("text_and_weights", message(fingerprint(lesson, teacher_->parameters()))).set("model", weights_->config().json).set("bitnet_version", BITNET_VERSION);
    return {work_->path(), std::move(about)};
}

/// Matrices fitted to the text, where they are to be.
void CompressJob::calibrate(const Request& request, const Lesson& lesson, std::optional<Calibrated>& calibrated) {
    const std::optional<Target> target = target_of(request.calibrating, request.recipe, true);
    if (!target) return;
    const Stage stage(timing_, products_, "calibrate");
    const Config config = config_of(request);
    CompressRequest asked = request;
    asked.learning = {}, asked.fine_tune.clear();  // what comes behind calibration
    const KeptStages stages = stages_of(Json::object({{"request", key_of(asked)}, {"samples", Json::array({config.calibration_samples, config.calibration_sequence_length, config.calibration_batch_size})},
                                                      {"kept", Json::array({config.preserve_embedding_precision, config.preserve_output_precision})}}), lesson);
    calibrated.emplace(calibrate_with(request.recipe, config, request.calibrating, *target, *teacher_, lesson.text,
                                      [&](Network<float>& network) { return perplexity_of(network) / before_ - 1; }, stages, run_, quiet_));
    improved_.report.set("calibration", calibrated->report);
    if (!request.calibrating.refines()) return;  // else norms too have changed
    Parameters<float> kept = calibrated->network.parameters();
    for (std::size_t i = 0; i < kept.size(); ++i)
        if (calibrated->tensors.made.contains(kept[i].spec.name)) kept[i].value = teacher_->parameters()[i].value;
    improved_.model.emplace(learned_model(*work_, origin_of(*weights_), kept));
}

/// Trains through ternary weights where the rule, or the user, says so.
void CompressJob::train(const Request& request, const Lesson& lesson, std::optional<Calibrated>& calibrated) {
    const Stage stage(timing_, products_, "fine-tune");
    LearningOptions learning = request.learning;
    const Config config = config_of(request);
    choose_defaults(learning, teacher_->parameters(), &request.recipe, config);
    if (options_.time_limit != 0)
        learning.run.out_of_time = [this] { return seconds() > options_.time_limit; };
    learning.log = [log = learning.log, before = steps_before_](TrainingRecord step) {
        step.step += before;  // of one curve, whichever attempt they are of
        if (log) log(step);
        if (step.tokens > 0) tell_live("point", Json::object({{"name", "loss"}, {"step", step.step}, {"value", step.loss}}));
        if (step.perplexity) tell_live("point", Json::object({{"name", "perplexity"}, {"step", step.step}, {"value", *step.perplexity}}));
    };
    learning.run.worth = [&](double perplexity) {
        return request.fine_tune == "always" || (request.fine_tune == "auto" && should_fine_tune(before_, perplexity, config_.fine_tune_threshold));
    };
    Network<float> student(weights_->config(), (calibrated ? calibrated->network : *teacher_).parameters(), *run_.kernels);
    if (calibrated && learning.ste == "learned_scale") begin_in_cells(student, *teacher_, calibrated->tensors.made, learning, run_);
    learning.run.checkpoint = work_->checkpoint(trainings_++);
    learning.run.about = Json::object({{"request", key_of(request)}, {"sparsity_threshold", config.sparsity_threshold},
                                       {"kept", Json::array({config_.preserve_embedding_precision, config_.preserve_output_precision})}, {"learning", identity_of(learning)}, {"text_and_weights", message(fingerprint(lesson, student.parameters()))}});
    const Learned learned = learn(std::move(student), &request.recipe, config, learning, lesson, run_, quiet_);
    const bool trains = learned.summary.steps_completed > 0;
    steps_before_ += learned.summary.steps_completed;
    improved_.report.set("post_compression_perplexity", learned.summary.first_perplexity).set("fine_tuned", trains).set("optimizer", learned.optimizer).set("ste", learned.ste);
    improved_.report.set("training", to_json(learned.summary));
    if (trains) improved_.model.emplace(learned_model(*work_, origin_of(*weights_), learned.parameters));
    if (trains && request.calibrating.rotate) calibrated->tensors.made = learned.made;  // rounding what was learned would find other codes
    if (calibrated && (!trains || request.calibrating.rotate)) improved_.tensors.emplace(std::move(calibrated->tensors));
}

void CompressJob::improve(const Request& request) {
    std::string key = key_of(request);
    if (key == improved_for_) return;
    improved_for_.clear();
    improved_ = {};
    improved_.report = Json::object({{"pre_perplexity", before_}});
    if (lesson_.dataset.is_object()) improved_.report.set("dataset", lesson_.dataset);
    std::optional<Calibrated> calibrated;
    const Lesson lesson = lesson_of(request);
    calibrate(request, lesson, calibrated);
    if (request.can_learn() && !(calibrated && request.fine_tune == "never")) {
        train(request, lesson, calibrated);
    } else {
        improved_.report.set("fine_tuned", false);
        if (calibrated) improved_.report.set("post_compression_perplexity", perplexity_of(calibrated->network));
        if (calibrated) improved_.tensors.emplace(std::move(calibrated->tensors));
    }
    improved_for_ = std::move(key);
}

Json CompressJob::search(Request& request, Config& config) {
    if (!options_.searching.given()) return {};
    const Stage stage(timing_, products_, "search");
    const KeptStages stages = stages_of(Json::object({{"request", key_of(request)}, {"seconds", options_.searching.seconds}, {"config", to_json(config)}}), lesson_);
    return search_recipe(options_.searching, request.calibrating, request.recipe, config, *teacher_, lesson_.validation, texts_.windows.context, run_, quiet_, stages.name_of("search", ".json"));
}

Json CompressJob::make(const Request& request, const std::filesystem::path& directory) {
    if (reads_texts()) improve(request);
    const Stage stage(timing_, products_, "compress");
    const Config config = config_of(request);
    const ModelDir& source = improved_.model ? *improved_.model : model_;
    const CompressionOutputs outputs = prepare_outputs(source, directory, {config.save_quantized, config.save_dequantized_fp16});
    Progress progress("compress", quiet_);
    const CompressionProgress tell = [&](const TensorReport& tensor, std::uint64_t done, std::uint64_t total) {
        progress.update(total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total), tensor.name);
        if (!improved_.tensors && tensor.treatment == Treatment::ternary)  // else its error is that of its outputs, told before
            tell_live("tensor", Json::object({{"name", tensor.name}, {"error", tensor.distortion.relative_error()}}));
    };
    RecipeResult result;
    if (improved_.tensors) {
        improved_.tensors->preservation = preservation_of(request.recipe, config);
        result = {improved_.tensors->how, write_compressed(source, *improved_.tensors, outputs, run_, tell)};
    } else {
        result = compress_with(request.recipe, config, source, outputs, run_, tell);
    }
    Json out = describe(request, config, model_, result);
    if (reads_texts()) out.set("fine_tuning", improved_.report);
    return out;
}

/// What people look at: sample texts, speed, histograms of weights.
void CompressJob::compare(const std::filesystem::path& directory, Json& record) const {
    const std::filesystem::path packed = directory / quantized_directory_name, dense = directory / dequantized_directory_name;
    if (config_.save_dequantized_fp16) record.set("histograms", weight_histograms(model_, dense, record, run_));
    if (!config_.save_quantized) return;
    const Transformer fast(ModelWeights(packed), ActivationPrecision::int8, run_);
    record.set("speed", compare_speed(*original_, fast, run_));
    if (options_.lesson.text.split == "ids" || companion_files(config_.model_path).empty()) return;
    const Transformer exact(ModelWeights(packed), ActivationPrecision::fp32, run_);
    const SampleOptions samples{};
    record.set("samples", compare_texts(*original_, exact, open_tokenizer(*weights_), sample_prompts(texts_.validation, samples), samples, run_));
}

GateFigures CompressJob::judge(const std::filesystem::path& directory, Json& record) {
    GateFigures out;
    if (original_ && (config_.save_quantized || config_.save_dequantized_fp16)) {
        const Stage stage(timing_, products_, "measure");
        Progress progress("measure", quiet_);
        const OutputQuality quality = measure_output(*original_, directory, texts_, run_, [&](std::string_view what, double share) { progress.update(share, what); });
        describe_quality(record, quality, texts_);
        Json::Array notes = record.at("notes").as_array();
        notes.insert(notes.end(), quality.notes.begin(), quality.notes.end());
        record.set("notes", Json::array(std::move(notes)));
        compare(directory, record);
        out = figures_of(quality);
    }
    add_figures(out, record);
    const Json gates = to_json(check_gates(out, *limits_));
    for (const Json& gate : gates.as_array()) tell_live("gate", gate);
    return out;
}

}  // namespace cli
