#include "learning.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

#include <bitnet/calibrate/calibrated_start.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/model/companions.hpp>
#include <bitnet/policy/ste/clipped.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/policy/ste/progressive.hpp>
#include <bitnet/train/learning_rate.hpp>
#include <bitnet/train/optimizer/any.hpp>
#include <bitnet/train/save.hpp>

#include "interrupt.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

/// What a trainer asks of a Compressor, put together while the program runs. Only the estimator is a type: it decides what
/// is done for every weight.
template <class Estimator>
class RuntimePolicies {
public:
    using Ste = Estimator;
    using Optimizer = optimizer::Any;
    struct Stored {
        DType storage;
    };

    RuntimePolicies(Quantize quantize, DType storage, preservation::ByPattern kept, bool ternary, optimizer::Any optimizer)
        : quantize_(std::move(quantize)), scale_{storage}, kept_(ternary, std::move(kept)), optimizer_(std::move(optimizer)) {}

    /// As the recipe's policy says, or nothing ternary at all.
    struct Kept {
        bool ternary;
        preservation::ByPattern policy;
        Kept(bool may_be, preservation::ByPattern of) : ternary(may_be), policy(std::move(of)) {}
        Treatment treatment(const TensorInfo& tensor) const { return ternary ? policy.treatment(tensor) : Treatment::unchanged; }
    };

    void compress_into(TernaryTensor& out, const TensorView& weight, Execution run) const { quantize_(out, weight, run); }
    const Stored& scale() const { return scale_; }
    const Kept& preservation() const { return kept_; }
    const Optimizer& optimizer() const { return optimizer_; }
    const Ste& ste() const { return ste_; }

private:
    Quantize quantize_;
    Stored scale_;
    Kept kept_;
    Optimizer optimizer_;
    Ste ste_{};
};

/// One line for each step: how far, the loss, tokens a second. Who asked for it is told too.
class StepProgress {
public:
    using Log = std::function<void(const TrainingRecord&)>;

    StepProgress(std::size_t steps, Log log, bool quiet) : progress_("train", quiet), log_(std::move(log)), steps_(steps) {}
    void operator()(const TrainingRecord& record) {
        if (log_) log_(record);
        const auto all = static_cast<double>(std::max<std::size_t>(1, steps_));
        if (record.event == "resumed") return progress_.begin_at(static_cast<double>(record.step) / all);
        tokens_ += record.tokens;
        if (record.event.starts_with("checkpoint not written")) warn(record.event);
        if (record.perplexity) perplexity_ = message(", perplexity ", fixed(*record.perplexity, 3));
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
        progress_.update(static_cast<double>(record.step) / all,
                         message("step ", record.step, " of ", steps_, ", loss ", fixed(record.loss, 4), perplexity_, ", ",
                                 fixed(static_cast<double>(tokens_) / std::max(seconds, 1e-9), 0), " tokens/s"));
    }

private:
    /// Of the first: on a full disk the next one is not written either, and the history has all of them.
    void warn(std::string_view what) {
        if (!std::exchange(warned_, true)) std::fprintf(stderr, "bitnet: warning: %.*s; training goes on\n", static_cast<int>(what.size()), what.data());
    }

    Progress progress_;
    Log log_;
    bool warned_ = false;
    std::size_t steps_, tokens_ = 0;
    std::string perplexity_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// The optimizer of that name, with what the filter of slow gradients was told.
optimizer::Any optimizer_of(const LearningOptions& options) {
    optimizer::Any out = optimizer::any_named(options.optimizer);
    std::visit([&](auto& chosen) {
        if constexpr (requires { chosen.lambda; }) {
            chosen.alpha = options.grokfast_alpha;
            chosen.lambda = options.grokfast_lambda;
            check_knobs(chosen);
        }
    }, out.chosen);
    return out;
}

/// As many steps as the epochs take, and a warm-up that leaves time for what comes behind it.
StepOptions steps_of(const LearningOptions& options, const BatchSource& text) {
    StepOptions out = options.step;
    if (options.epochs > 0) out.steps = static_cast<std::size_t>((text.batches_in(options.epochs) - 1) / out.batches_per_step + 1);
    out.schedule.warmup = std::min(out.schedule.warmup, out.steps / 2);
    return out;
}

template <class Ste>
Learned learn_with(Network<float> network, const RecipeRequest* recipe, const Config& config, const LearningOptions& options,
                   Lesson lesson, Execution run, bool quiet) {
    const RecipeRequest request = recipe != nullptr ? *recipe : RecipeRequest{};
    const RuntimePolicies<Ste> as_typed(quantize_with(request, config), request.scale_storage, preservation_of(request, config),
                                        recipe != nullptr, optimizer_of(options));
    const auto policies = [&] {
        if constexpr (ScaleLearningSte<Ste>)
            return CalibratedStart(as_typed, options.start);
        else
            return as_typed;
    }();
    using Policies = std::remove_const_t<decltype(policies)>;
    BatchSource text(std::move(lesson.text), options.context, options.batch_tokens, options.seed);
    const StepOptions steps = steps_of(options, text);
    Trainer<Policies> trainer(std::move(network), policies, steps, std::move(text), lesson.teacher, run);
    StepProgress progress(steps.steps, options.log, quiet);
    TrainingRun<Policies> training(trainer, lesson.validation, options.run, run.threads, std::ref(progress));
    TrainingSummary summary = [&] {
        const WorkToSave steps_so_far;
        return training.train();
    }();
    auto made = trainer.packed();
    return {std::move(trainer.network().parameters()), std::move(summary), to_string(policies.optimizer()), to_string(policies.ste()), std::move(made)};
}

}  // namespace

WorkDirectory::WorkDirectory(const AtomicDirectory& output) : path_(output.target().string() + ".work") {
    std::filesystem::create_directories(path_);
    found_ = !stages().empty();
    if (std::filesystem::exists(marker())) return;
    if (!std::filesystem::is_empty(path_))
        throw error(errc::exists, message(path_.string(), ": exists, and no run of training has left it; move it away"));
    try {
        write_file(marker(), "what an interrupted run of training is resumed from\n");
    } catch (...) {  // there is no object then whose end would remove it
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
        throw;
    }
}
WorkDirectory::~WorkDirectory() {
    std::error_code ignored;
    if (!std::filesystem::exists(marker(), ignored)) return;
    // What goes on from a checkpoint writes the weights again: a disk that was full keeps no copy of them.
    const auto left = stages();
    // Texts alone are soon written again, and a run that could not begin leaves nothing.
    const bool worked = std::ranges::any_of(left, [](const std::filesystem::path& file) { return !file.filename().string().starts_with("texts-"); });
    const bool goes_on = found_ || worked || (was_interrupted() && !left.empty());
    std::filesystem::remove_all(done_ || !goes_on ? path_ : trained(), ignored);
}

std::vector<std::filesystem::path> WorkDirectory::stages() const {
    std::vector<std::filesystem::path> out;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
        if (entry.path().extension() == ".new" || entry.path().extension() == ".partial") continue;  // of a run that was killed while it wrote
        for (const char* const stage : {"checkpoint", "calibration-", "storage-", "search-", "texts-"})
            if (entry.path().filename().string().starts_with(stage)) out.push_back(entry.path());
    }
    return out;
}

void WorkDirectory::begin_anew(bool force) {
    for (const std::filesystem::path& left : stages()) {
        if (!force) throw error(errc::exists, message(left.string(), ": an interrupted run; continue it with --resume, or begin anew with --force"));
        std::filesystem::remove(left);
    }
    found_ = false;
}

void add_checkpoints(CLI::App& app, LearningOptions& options) {
    app.add_option("--checkpoint-every", options.run.checkpoint_every, "steps; 0: at the end only")->capture_default_str();
    app.add_flag("--resume", options.run.resume, "continue a run that was interrupted; without one, begin");
}

std::size_t context_of(const LearningOptions& options, const ModelConfig& config) {
    const std::size_t context = options.context != 0 ? options.context : std::min({std::size_t{512}, config.max_positions, options.batch_tokens});
    if (context > config.max_positions)
        throw error(errc::bad_value, message("--context ", context, ": the model has ", config.max_positions, " positions"));
    if (context > options.batch_tokens)
        throw error(errc::bad_value, message("--batch-tokens ", options.batch_tokens, ": a batch must hold a window of --context ", context));
    return context;
}

Origin origin_of(const ModelWeights& weights) { return {weights.config(), weights.tied_head(), weights.path(), weights.unknown()}; }

void write_learned(const std::filesystem::path& directory, const Origin& origin, const Parameters<float>& parameters, DType dtype) {
    write_model(directory, origin.config.json, origin.tied_head, parameters, dtype, origin.others);
    copy_companions(origin.companions, directory);
}

ModelDir learned_model(const WorkDirectory& work, const Origin& origin, const Parameters<float>& parameters) {
    const std::filesystem::path directory = work.trained();
    std::filesystem::remove_all(directory);  // of a run that was killed
    std::filesystem::create_directories(directory);
    write_learned(directory, origin, parameters, DType::F32);
    return ModelDir(directory);
}

Json identity_of(const LearningOptions& options) {
    const StepOptions& step = options.step;
    return Json::object({{"optimizer", options.optimizer},
                         {"ste", options.ste},
                         {"schedule", options.schedule},
                         {"warmup", step.schedule.warmup},
                         {"activations", options.activations},
                         {"bf16_activations", options.bf16_activations},
                         {"steps", step.steps},
                         {"epochs", options.epochs},
                         {"learning_rate", step.learning_rate},
                         {"tables", step.table_rate},
                         {"batch_tokens", options.batch_tokens},
                         {"accumulate", step.batches_per_step},
                         {"context", options.context},
                         {"clip", step.clip},
                         {"qk_clip", step.qk_clip},
                         {"grokfast", Json::array({options.grokfast_alpha, options.grokfast_lambda})},
                         {"loss", Json::array({step.loss.targets, step.loss.distillation, step.loss.temperature, step.loss.hidden,
                                                 step.loss.relations})},
                         {"evaluate_every", options.run.evaluate_every},
                         {"patience", options.run.patience},
                         {"seed", options.seed}});
}

std::uint64_t fingerprint(const Lesson& lesson, const Parameters<float>& parameters) {
    std::uint64_t hash = 0;
    const auto add = [&hash](std::uint64_t word) { hash = mix64(hash ^ word); };
    const auto add_all = [&](const Parameters<float>& weights) {
        for (const Parameter<float>& one : weights)
            for (const float value : one.value.values()) add(std::bit_cast<std::uint32_t>(value));
    };
    for (const Documents* const documents : {&lesson.text, &lesson.validation})
        for (const auto& document : *documents) {
            add(document.size());
            for (const std::uint32_t id : document) add(id);
        }
    add_all(parameters);
    if (lesson.teacher != nullptr) add_all(lesson.teacher->parameters());
    return hash;
}

CLI::App* add_learning(CLI::App& command, LearningOptions& options) {
    CLI::App& app = *command.add_option_group("Learning");
    CLI::Option* const steps =
        app.add_option("--steps", options.step.steps, "updates of the weights")->check(CLI::Range(1, 1 << 30))->capture_default_str();
    app.add_option("--epochs", options.epochs, "passes over the text, instead of --steps")->check(CLI::Range(1e-6, 1e5))->excludes(steps);
    app.add_option("--batch-tokens", options.batch_tokens, "tokens of a batch at most")->check(CLI::Range(2, 1 << 24))->capture_default_str();
    app.add_option("--accumulate", options.step.batches_per_step, "batches whose gradients one step adds")
        ->check(CLI::Range(1, 1 << 20))->capture_default_str();
    app.add_option("--context", options.context, "tokens of a window; default: the model's positions, at most 512")
        ->check(CLI::Range(2, 1 << 24));
    app.add_option("--learning-rate", options.learning_rate, "at the schedule's top; default: 0.05 with muon, 0.1 with sgd; else 0.015 of the mean "
                   "magnitude of a trained model's weights that become ternary, 0.003 for any other")
        ->check(CLI::Range(1e-12, 100.0));
    app.add_option("--schedule", options.schedule, "of the learning rate behind its warm-up: constant, cosine or linear")
        ->check(CLI::IsMember({"constant", "cosine", "linear"}))->capture_default_str();
    app.add_option("--warmup", options.step.schedule.warmup, "steps of linear warm-up")->check(CLI::Range(0, 1 << 30))->capture_default_str();
    app.add_option("--clip", options.step.clip, "most that the gradient's norm may be")->check(CLI::Range(1e-6, 1e9))->capture_default_str();
    app.add_option("--optimizer", options.optimizer, "adamw, sgd, muon, grokfast or mu_grokfast")
        ->check(CLI::IsMember({"adamw", "sgd", "muon", "grokfast", "mu_grokfast"}))->capture_default_str();
    app.add_option("--grokfast-alpha", options.grokfast_alpha, "how slowly the filter of slow gradients forgets")
        ->check(CLI::Range(0.0f, 0.999999f))->capture_default_str();
    app.add_option("--grokfast-lambda", options.grokfast_lambda, "how much of them it adds")->check(CLI::Range(0.0f, 100.0f))->capture_default_str();
    app.add_option("--ste", options.ste, "how gradients pass rounding: identity, clipped, learned_scale or progressive; default: "
                   "learned_scale behind least_squares, else identity")
        ->check(CLI::IsMember({"identity", "clipped", "learned_scale", "progressive"}));
    app.add_option("--activations", options.activations, "inputs of linear layers: fp32, or int8 as BitNet b1.58 trains")
        ->check(CLI::IsMember({"fp32", "int8"}))->capture_default_str();
    app.add_option("--distillation", options.step.loss.distillation, "share of the divergence from the teacher's predictions")
        ->check(CLI::Range(0.0f, 1e6f))->capture_default_str();
    app.add_option("--temperature", options.step.loss.temperature, "of the distillation")->check(CLI::Range(0.01f, 100.0f))->capture_default_str();
    app.add_option("--targets", options.step.loss.targets, "share of the cross entropy with the text itself; 1 without a teacher")
        ->check(CLI::Range(0.0f, 1e6f));
    app.add_option("--relations", options.step.loss.relations, "share of the relations among the last layer's queries, keys and values")
        ->check(CLI::Range(0.0f, 1e6f))->capture_default_str();
    app.add_option("--hidden", options.step.loss.hidden, "share of the squared error of the last hidden states")
        ->check(CLI::Range(0.0f, 1e6f))->capture_default_str();
    app.add_option("--tables", options.table_rate, "learning rate of embeddings and head, as a multiple; 0 leaves them; default: "
                   "0.3 where a trained model becomes ternary, else 1")
        ->check(CLI::Range(0.0f, 1e3f));
    app.add_option("--qk-clip", options.step.qk_clip, "most that an attention score may be: rows of queries and keys shrink; 0: no limit")
        ->check(CLI::Range(0.0f, 1e6f))->capture_default_str();
    CLI::Option* const recompute =
        app.add_flag("--recompute", options.recompute, "compute activations again on the way back: less memory, about a quarter more time");
    app.add_flag("--bf16-activations", options.bf16_activations, "keep activations for the way back in BF16: about half their memory")
        ->excludes(recompute);
    app.add_option("--evaluate-every", options.run.evaluate_every, "steps; 0: at the end only")->capture_default_str();
    app.add_option("--patience", options.run.patience, "evaluations without a better one before training stops; 0: never")->capture_default_str();
    app.add_option("--seed", options.seed, "of the order of the text, and of random weights")->capture_default_str();
    return &app;
}

bool typed(const CLI::App& learning, const char* option) { return learning.get_option(option)->count() > 0; }

void refuse_idle_options(const CLI::App& learning, const LearningOptions& options, bool has_teacher) {
    const auto refuse = [&](std::initializer_list<const char*> idle, const std::string& why) {
        for (const char* const option : idle)
            if (typed(learning, option)) throw CLI::ValidationError(option, why);
    };
    if (!has_teacher) refuse({"--distillation", "--temperature", "--hidden", "--relations"}, "there is no teacher to learn from");
    if (options.optimizer.find("grokfast") == std::string::npos)
        refuse({"--grokfast-alpha", "--grokfast-lambda"}, options.optimizer + " has no filter of slow gradients");
}

void choose_defaults(LearningOptions& options, const Parameters<float>& parameters, const RecipeRequest* recipe, const Config& config, bool anew) {
    const bool adapts = recipe != nullptr && !anew;  // a trained model, to ternary weights
    options.step.learning_rate = options.learning_rate ? *options.learning_rate
                                 : options.optimizer.ends_with("muon") || options.optimizer == "mu_grokfast" ? 0.05
                                 : options.optimizer == "sgd" ? 0.1
                                 : adapts ? ternary_learning_rate(parameters, preservation_of(*recipe, config))
                                          : 3e-3;
    options.step.table_rate = options.table_rate.value_or(adapts ? 0.3f : 1.0f);
    // A scale fitted anew to the weights of each step would jump; one that learns begins where it was fitted.
    if (options.ste.empty()) options.ste = recipe != nullptr && quantizer_of(*recipe) == "least_squares" ? "learned_scale" : "identity";
}

Learned learn(Network<float> network, const RecipeRequest* recipe, const Config& config, LearningOptions options, Lesson lesson,
              Execution run, bool quiet) {
    options.step.schedule.kind = options.schedule == "constant" ? ScheduleKind::constant
                                 : options.schedule == "linear" ? ScheduleKind::linear
                                                                : ScheduleKind::cosine;
    options.step.round_activations = options.activations == "int8";
    options.step.keep = options.recompute ? Keep::inputs : options.bf16_activations ? Keep::rounded : Keep::everything;
    options.context = context_of(options, network.config());
    options.run.windows = {options.context, options.context};
    const auto with = [&]<class Ste>(Ste) {
        return learn_with<Ste>(std::move(network), recipe, config, options, std::move(lesson), run, quiet);
    };
    if (recipe == nullptr || options.ste == "identity") return with(ste::Identity{});
    if (options.ste == "clipped") return with(ste::Clipped{});
    if (options.ste == "progressive") return with(ste::Progressive{});
    return with(ste::LearnedScale{});
}

Json to_json(const TrainingSummary& summary) {
    Json::Array history;
    for (const TrainingRecord& record : summary.history)
        if (record.perplexity || !record.event.empty()) history.push_back(bitnet::to_json(record));
    return Json::object({{"steps_completed", summary.steps_completed},
                         {"epochs_completed", summary.epochs_completed},
                         {"epochs", summary.epochs},
                         {"seconds", summary.seconds},
                         {"final_loss", summary.final_loss},
                         {"first_perplexity", summary.first_perplexity},
                         {"best_perplexity", summary.best_perplexity},
                         {"best_step", summary.best_step},
                         {"restarts", summary.restarts},
                         {"stopped_early", summary.stopped_early},
                         {"optimizer_bytes", summary.optimizer_bytes},
                         {"history", Json::array(std::move(history))}});
}

}  // namespace cli
