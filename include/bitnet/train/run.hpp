/// A whole training run: steps, evaluations, the best weights kept, checkpoints, early stop, divergence.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/is_finite.hpp>
#include <bitnet/train/evaluate.hpp>
#include <bitnet/train/snapshot.hpp>
#include <bitnet/train/trainer.hpp>

namespace bitnet::inline BITNET_ABI {

struct RunOptions {
    std::size_t evaluate_every = 100;  ///< steps; 0: at the end only
    std::size_t patience = 0;          ///< evaluations without a better one before the run stops; 0: never
    double diverged = 2;               ///< a loss so many times its running mean has diverged, above 1
    std::size_t most_restarts = 8;     ///< divergences before the run gives up
    PerplexityOptions windows{};
    std::filesystem::path checkpoint{};  ///< file; empty: none
    std::size_t checkpoint_every = 100;  ///< steps
    bool resume = false;                 ///< continue from the checkpoint where there is one
    std::function<bool(double perplexity)> worth{};  ///< asked before the first step; false: nothing is learned
    std::function<bool()> out_of_time{};             ///< asked behind each step; true: it was the last
    Json about{};  ///< an object that says which run this is; a checkpoint of another is refused
};

/// A line of the history.
struct TrainingRecord {
    std::uint64_t step = 0;  ///< done so far
    double loss = 0, gradient_norm = 0, learning_rate = 0;
    std::size_t tokens = 0;  ///< of this step
    std::optional<double> perplexity{};
    std::string event{};  ///< "best", "diverged: ...", "stopped early", "resumed", "checkpoint not written: ..."
};

inline Json to_json(const TrainingRecord& record) {
    Json out = Json::object({{"step", record.step}, {"learning_rate", record.learning_rate}, {"tokens", record.tokens}});
    if (is_finite(record.loss)) out.set("loss", record.loss);
    if (is_finite(record.gradient_norm)) out.set("gradient_norm", record.gradient_norm);
    if (record.perplexity && is_finite(*record.perplexity)) out.set("perplexity", *record.perplexity);
    if (!record.event.empty()) out.set("event", record.event);
    return out;
}

/// From what to_json made; `where` stands in errors.
inline TrainingRecord training_record(const Json& line, std::string_view where) {
    const auto number = [&](std::string_view key) {
        const Json* const value = line.find(key, where);
        return value != nullptr ? value->as_double(where) : std::numeric_limits<double>::quiet_NaN();
    };
    TrainingRecord out{.step = line.at("step", where).as_unsigned(where), .loss = number("loss"), .gradient_norm = number("gradient_norm"),
                       .learning_rate = number("learning_rate"), .tokens = line.at("tokens", where).as_unsigned(where)};
    if (line.find("perplexity", where) != nullptr) out.perplexity = number("perplexity");
    if (const Json* event = line.find("event", where)) out.event = event->as_string(where);
    return out;
}

/// The history that a checkpoint tells.  origin: whose it is, for errors
inline std::vector<TrainingRecord> history_of(const Checkpoint& checkpoint, std::string_view origin) {
    const std::string where = message(origin, ": history");
    std::vector<TrainingRecord> out;
    for (const Json& line : checkpoint.about.at("history", origin).as_array(where)) out.push_back(training_record(line, where));
    return out;
}

struct TrainingSummary {
    std::uint64_t steps_completed = 0;
    std::uint64_t epochs_completed = 0;
    double epochs = 0;           ///< the same with the one that has begun, as far as it has got
    double seconds = 0;          ///< that this run took, measurements of quality included; what came before a resumption is not in it
    double final_loss = 0;       ///< running mean over about the last 20 steps
    double first_perplexity = 0; ///< before the first step
    double best_perplexity = 0;  ///< that of the weights which are left
    std::uint64_t best_step = 0;
    std::size_t restarts = 0;
    bool stopped_early = false;
    std::size_t optimizer_bytes = 0;
    std::vector<TrainingRecord> history{};
};

/// Whether the loss of quality is worth training: (post - pre) / pre > threshold.
constexpr bool should_fine_tune(double pre, double post, double threshold = 0.05) noexcept { return (post - pre) / pre > threshold; }

namespace detail {

/// What a run knows beside its trainer.
struct RunState {
    double running_loss = 0, loss_at_best = 0, first = 0, best = std::numeric_limits<double>::infinity(), slowness = 1;
    std::uint64_t best_step = 0, stale = 0, restarts = 0, most_tokens = 0;

    template <class F>
    void each_field(F&& f) {
        for (const auto& [name, value] : {std::pair<const char*, double*>{"running_loss", &running_loss}, {"loss_at_best", &loss_at_best}, {"first", &first},
                                          {"best", &best}, {"slowness", &slowness}}) {
            std::uint64_t word = std::bit_cast<std::uint64_t>(*value);
            f(message("run.", name), word);
            *value = std::bit_cast<double>(word);
        }
        f(std::string("run.best_step"), best_step);
        f(std::string("run.stale"), stale);
        f(std::string("run.restarts"), restarts);
        f(std::string("run.most_tokens"), most_tokens);
    }
};

}  // namespace detail

/// Trains to the end, then leaves the trainer's network with the best weights it had, wholly ternary where they are to be.
///
/// Perplexity is measured before the first step, every evaluate_every steps and behind the last, always of the weights as
/// they would be stored. A loss that is not finite, or far above its running mean, brings back the best weights with half
/// the learning rate and an optimizer that has forgotten; the text goes on. The mean is not asked in the first 20 steps, nor while a
/// progressive estimator blends, nor about a batch of fewer than half the usual tokens. The same run killed at any moment
/// and resumed ends with the same bytes.
///
/// validation: texts that are not learned from; log: told of each step. What it throws ends the run behind that step, with a checkpoint
/// Errors  those of the options' ranges; errc::not_finite when the run diverges again and again; those of a checkpoint that
///         cannot be read or is of another run. One that cannot be written is an event of the history
template <class Compressor>
class TrainingRun {
public:
    using Log = std::function<void(const TrainingRecord&)>;

    TrainingRun(Trainer<Compressor>& trainer, std::span<const std::vector<std::uint32_t>> validation, const RunOptions& options,
                unsigned threads, Log log = {})
        : trainer_(trainer), validation_(validation), options_(options), threads_(threads), log_(std::move(log)) {
        if (!(options.diverged > 1)) throw error(errc::bad_value, message("diverged = ", options.diverged, " is not above 1"));
    }

    TrainingSummary train() {
        const auto start = std::chrono::steady_clock::now();
        begin();
        while (worth_it_ && !trainer_.finished() && !summary_.stopped_early) {
            TrainingRecord record = step();
            const bool due = options_.evaluate_every != 0 && trainer_.step_count() % options_.evaluate_every == 0;
            const bool late = options_.out_of_time && options_.out_of_time();
            if (record.event.empty() && (due || late || trainer_.finished())) evaluate_now(record);
            if (late && !trainer_.finished()) {
                summary_.stopped_early = true;
                record.event = message(record.event, record.event.empty() ? "" : ", ", "out of time");
            }
            tell_or_save(record);
            if (options_.checkpoint_every != 0 && trainer_.step_count() % options_.checkpoint_every == 0 && !trainer_.finished()) save();
        }
        if (worth_it_) save();
        summary_.steps_completed = trainer_.step_count();
        summary_.epochs_completed = trainer_.epochs_completed();
        summary_.epochs = trainer_.epochs();
        restore_best("the best state");
        trainer_.finish();
        summary_.final_loss = state_.running_loss;
        summary_.first_perplexity = state_.first;
        summary_.best_perplexity = state_.best;
        summary_.best_step = state_.best_step;
        summary_.restarts = state_.restarts;
        summary_.optimizer_bytes = trainer_.optimizer_bytes();
        summary_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return std::move(summary_);
    }

private:
    void begin() {
        if (options_.resume && !options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) return resume();
        state_.first = state_.best = perplexity_now();
        if (!is_finite(state_.first)) throw error(errc::not_finite, "the perplexity before the first step is not finite: these weights cannot learn");
        keep_best();
        worth_it_ = !options_.worth || options_.worth(state_.first);
        tell({.perplexity = state_.first, .event = "start"});
    }
    void resume() {
        const std::string origin = options_.checkpoint.string();
        Checkpoint saved = read_checkpoint(options_.checkpoint);
        if (const Json* about = saved.about.find("run", origin); about == nullptr || to_text(*about) != to_text(options_.about))
            throw error(errc::bad_value, message(origin, ": is a checkpoint of another run; resume with the settings it began with"));
        if (!saved.best) throw error(errc::missing, message(origin, ": the best state is missing"));
        summary_.history = history_of(saved, origin);
        best_ = std::move(saved.best);
        restore_best(message(origin, ": the best state"));  // now, not when it is needed
        saved.now.restore(trainer_, origin);
        saved.now.restore(state_, origin);
        summary_.stopped_early = options_.patience != 0 && state_.stale >= options_.patience;
        if (log_) log_({.step = trainer_.step_count(), .event = "resumed"});
    }
    TrainingRecord step() {
        const bool blending = trainer_.blending();
        const StepResult result = trainer_.step();
        TrainingRecord record{.step = trainer_.step_count(), .loss = result.loss, .gradient_norm = result.gradient_norm,
                              .learning_rate = result.learning_rate, .tokens = result.tokens};
        const bool finite = is_finite(result.loss) && is_finite(result.gradient_norm);
        if (result.loss == 0 && result.gradient_norm == 0 && !blending)
            throw error(errc::bad_value, "the student already is its teacher: its loss is 0. Name another teacher, or none to learn from the text");
        // The first steps' mean is of too few, a short batch's loss of too few tokens, and one between two models grows by itself.
        state_.most_tokens = std::max<std::uint64_t>(state_.most_tokens, result.tokens);
        const bool judged = trainer_.step_count() > 20 && 2 * result.tokens >= state_.most_tokens && !blending;
        if (finite && !(judged && result.loss > options_.diverged * state_.running_loss)) {
            const double share = 1.0 / static_cast<double>(std::min<std::uint64_t>(20, trainer_.step_count()));
            state_.running_loss += share * (result.loss - state_.running_loss);
            return record;
        }
        if (++state_.restarts > options_.most_restarts)
            throw error(errc::not_finite, message("step ", record.step, ": the loss is ", result.loss, " after ", options_.most_restarts,
                                                  " restarts with ever lower learning rates; begin with a lower one"));
        restore_best("the best state");
        trainer_.forget_gradients();  // and the text goes on: the same again would end the same way
        state_.running_loss = state_.loss_at_best;
        state_.slowness /= 2;
        trainer_.set_slowness(state_.slowness);
        record.event = message("diverged: back to step ", trainer_.step_count(), " with ", state_.slowness, " of the learning rate");
        return record;
    }
    void evaluate_now(TrainingRecord& record) {
        record.perplexity = perplexity_now();
        if (*record.perplexity < state_.best) {
            state_.best = *record.perplexity;
            state_.best_step = trainer_.step_count();
            state_.loss_at_best = state_.running_loss;
            state_.stale = 0;
            keep_best();
            record.event = "best";
        } else if (++state_.stale; options_.patience != 0 && state_.stale >= options_.patience) {
            summary_.stopped_early = true;
            record.event = "stopped early";
        }
    }
    void keep_best() {
        auto weights = trainer_.weights();
        best_ = Snapshot::of(weights);
    }
    void restore_best(std::string_view origin) {
        auto weights = trainer_.weights();
        best_->restore(weights, origin);
    }
    double perplexity_now() {
        trainer_.finish();
        return evaluate(trainer_.network(), validation_, options_.windows, threads_).perplexity();
    }
    void tell(const TrainingRecord& record) {
        summary_.history.push_back(record);
        if (log_) log_(record);
    }
    /// Whoever ends the run from inside its log finds a checkpoint to go on from.
    void tell_or_save(const TrainingRecord& record) {
        try {
            tell(record);
        } catch (...) {
            save();
            throw;
        }
    }
    void save() {
        if (options_.checkpoint.empty()) return;
        Json::Array history;
        for (const TrainingRecord& record : summary_.history) history.push_back(to_json(record));
        StateViews now = StateViews::of(trainer_);
        state_.each_field([&](const std::string& name, std::uint64_t& word) { now.words[name] = word; });
        try {
            write_checkpoint(options_.checkpoint, now, best_, Json::object({{"run", options_.about}, {"history", Json::array(std::move(history))}}));
        } catch (const error& problem) {
            if (problem.code() != errc::io) throw;
            tell({.step = trainer_.step_count(), .event = message("checkpoint not written: ", problem.what())});
        }
    }

    Trainer<Compressor>& trainer_;
    std::span<const std::vector<std::uint32_t>> validation_;
    RunOptions options_;
    unsigned threads_;
    Log log_;
    detail::RunState state_{};
    std::optional<Snapshot> best_{};
    bool worth_it_ = true;
    TrainingSummary summary_{};
};

}  // namespace bitnet::inline BITNET_ABI
