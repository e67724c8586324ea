#include <bitnet/train/run.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include <bitnet/policy/optimizer/sgd.hpp>
#include <bitnet/policy/preservation/by_pattern.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/policy/ste/progressive.hpp>

#include "models.hpp"

using namespace bitnet;
using namespace bitnet_test;

namespace {

const std::vector<std::vector<std::uint32_t>> validation = counting_texts(6, 3);

RunOptions options_of(std::size_t every) {
    RunOptions out;
    out.evaluate_every = every;
    out.windows = {16, 16};
    out.about = Json::object({{"run", "test"}});
    return out;
}

struct Interrupted {};

std::filesystem::path killed(std::filesystem::path checkpoint) { return checkpoint += ".killed"; }

/// A run of 60 steps, interrupted behind `stop` of them where stop is not 0; what a kill there would have left goes into "….killed".
Snapshot run_of(const std::filesystem::path& checkpoint, std::size_t stop, bool resume) {
    auto trainer = make_trainer(Compressor{ste::LearnedScale{}}, quick_steps(60));
    RunOptions options = options_of(7);
    options.checkpoint = checkpoint;
    options.checkpoint_every = 10;
    options.resume = resume;
    TrainingRun run(trainer, validation, options, 1, [&](const TrainingRecord& record) {
        if (stop == 0 || record.step != stop) return;
        if (std::filesystem::exists(checkpoint)) std::filesystem::copy_file(checkpoint, killed(checkpoint), std::filesystem::copy_options::overwrite_existing);
        throw Interrupted{};
    });
    run.train();
    return Snapshot::of(trainer);
}

}  // namespace

TEST_CASE("a run ends with the best weights it had, and its summary says which") {
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(120));
    const TrainingSummary summary = TrainingRun(trainer, validation, options_of(10), 1).train();
    CHECK(summary.steps_completed == 120);
    CHECK(summary.epochs_completed >= 15);  // of some six batches each
    CHECK(summary.epochs >= static_cast<double>(summary.epochs_completed));
    CHECK(summary.epochs < static_cast<double>(summary.epochs_completed + 1));
    CHECK(summary.seconds > 0);
    CHECK(summary.best_perplexity < summary.first_perplexity / 3);
    CHECK(evaluate(trainer.network(), validation, {16, 16}, 1).perplexity() == summary.best_perplexity);
    double best = std::numeric_limits<double>::infinity();
    std::size_t evaluations = 0;
    for (const TrainingRecord& record : summary.history)
        if (record.perplexity) {
            best = std::min(best, *record.perplexity);
            ++evaluations;
            if (record.step == summary.best_step) CHECK(*record.perplexity == summary.best_perplexity);
        }
    CHECK(best == summary.best_perplexity);
    CHECK(evaluations == 13);  // one before the first step
    CHECK(summary.optimizer_bytes == trainer.optimizer_bytes());
}

TEST_CASE("a run that was interrupted anywhere and resumed ends with the bits of one that was not") {
    const TempDir dir;
    const Snapshot undisturbed = run_of("", 0, false);
    for (const std::size_t stop : {3u, 10u, 23u, 59u}) {
        const std::filesystem::path file = dir / message(stop, ".safetensors");
        CHECK_THROWS_AS(run_of(file, stop, false), Interrupted);
        CHECK(read_checkpoint(file).about.at("history").as_array().back().at("step").as_unsigned() == stop);
        CHECK(std::filesystem::exists(killed(file)) == (stop > 10));
        CHECK(run_of(file, 0, true) == undisturbed);
        CHECK(run_of(killed(file), 0, true) == undisturbed);
    }
    CHECK_THROWS_AS(run_of(dir / "twice", 31, false), Interrupted);
    CHECK_THROWS_AS(run_of(dir / "twice", 44, true), Interrupted);
    CHECK(run_of(dir / "twice", 0, true) == undisturbed);
}

TEST_CASE("a run that had ended is resumed as one that has ended") {
    const TempDir dir;
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(30)), again = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(30));
    RunOptions options = options_of(10);
    options.checkpoint = dir / "c";
    const TrainingSummary first = TrainingRun(trainer, validation, options, 1).train();
    options.resume = true;
    const TrainingSummary second = TrainingRun(again, validation, options, 1).train();
    CHECK(second.steps_completed == 30);
    CHECK(second.best_step == first.best_step);
    CHECK(second.history.size() == first.history.size());
}

TEST_CASE("a student that is its own teacher is refused, unless it becomes ternary little by little") {
    Network<float> teacher = small_network();
    StepOptions steps = quick_steps(60);
    steps.loss = {};
    auto same = make_trainer(Compressor{preservation::ByPattern{.keep = "*"}}, steps, 1, &teacher);
    CHECK_THROWS_WITH_AS(TrainingRun(same, validation, options_of(10), 1).train(), doctest::Contains("the student already is its teacher"), bitnet::error);
    auto slow = make_trainer(Compressor{quantizer::RoundClip{}, ste::Progressive{}}, steps, 1, &teacher);
    CHECK(TrainingRun(slow, validation, options_of(10), 1).train().restarts == 0);
}

TEST_CASE("a checkpoint of another run, another model or no run at all is refused, and names what is wrong") {
    const TempDir dir;
    CHECK_THROWS_AS(run_of(dir / "c", 31, false), Interrupted);
    auto trainer = make_trainer(Compressor{ste::LearnedScale{}}, quick_steps(60));
    RunOptions options = options_of(7);
    options.checkpoint = dir / "c";
    options.resume = true;
    options.about = Json::object({{"run", "other"}});
    CHECK_THROWS_WITH_AS(TrainingRun(trainer, validation, options, 1).train(), doctest::Contains("is a checkpoint of another run"), bitnet::error);
    auto without_scales = make_trainer(Compressor{optimizer::Sgd{}}, quick_steps(60));
    options.about = Json::object({{"run", "test"}});
    CHECK_THROWS_WITH_AS(TrainingRun(without_scales, validation, options, 1).train(),
                         doctest::Contains("this is a checkpoint of another model or optimizer"), bitnet::error);
    Checkpoint changed = read_checkpoint(dir / "c");
    changed.about.set("history", Json::array({Json::object({{"step", "three"}})}));
    write_checkpoint(dir / "c", changed.now, changed.best, changed.about);
    CHECK_THROWS_WITH_AS(TrainingRun(trainer, validation, options, 1).train(),
                         ((dir / "c").string() + ": history: expected an unsigned integer, found \"three\"").c_str(), bitnet::error);
    changed.best->tensors.clear();
    changed.about.set("history", Json::array({}));
    write_checkpoint(dir / "c", changed.now, changed.best, changed.about);
    CHECK_THROWS_WITH_AS(TrainingRun(trainer, validation, options, 1).train(), doctest::Contains("c: the best state: "), bitnet::error);
    write_file(dir / "c", "nothing");
    CHECK_THROWS_AS(TrainingRun(trainer, validation, options, 1).train(), bitnet::error);
}

TEST_CASE("a run stops when patience ends, and not before") {
    StepOptions steps = quick_steps(400);
    steps.learning_rate = 0;
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, steps);
    RunOptions options = options_of(2);
    options.patience = 3;
    const TrainingSummary summary = TrainingRun(trainer, validation, options, 1).train();
    CHECK(summary.stopped_early);
    CHECK(summary.steps_completed == 6);
    CHECK(summary.history.back().event == "stopped early");
}

TEST_CASE("a run whose time is over measures once more and stops") {
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(400));
    RunOptions options = options_of(100);
    int asked = 0;
    options.out_of_time = [&] { return ++asked == 7; };
    const TrainingSummary summary = TrainingRun(trainer, validation, options, 1).train();
    CHECK(summary.stopped_early);
    CHECK(summary.steps_completed == 7);
    CHECK(summary.history.back().perplexity.has_value());
    CHECK(summary.history.back().event.ends_with("out of time"));
}

TEST_CASE("a run that diverges goes back to its best state with half the learning rate, and says so") {
    StepOptions steps = quick_steps(200);
    steps.learning_rate = 3;  // far too much
    steps.schedule = {.kind = ScheduleKind::constant, .warmup = 60};
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}, optimizer::Sgd{.momentum = 0.9f}}, steps);
    RunOptions options = options_of(10);
    options.diverged = 1.5;
    options.most_restarts = 40;
    const TrainingSummary summary = TrainingRun(trainer, validation, options, 1).train();
    CHECK(summary.restarts > 0);
    bool told = false;
    for (const TrainingRecord& record : summary.history) told = told || record.event.starts_with("diverged: back to step");
    CHECK(told);
    CHECK(summary.best_perplexity < summary.first_perplexity);
    options.most_restarts = 0;
    auto hopeless = make_trainer(Compressor{quantizer::RoundClip{}, optimizer::Sgd{.momentum = 0.9f}}, steps);
    CHECK_THROWS_WITH_AS(TrainingRun(hopeless, validation, options, 1).train(), doctest::Contains("begin with a lower one"), bitnet::error);
}

TEST_CASE("a checkpoint that cannot be written is told, and training goes on") {
    const TempDir dir;
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(20));
    RunOptions options = options_of(10);
    options.checkpoint = dir / "missing" / "c";
    options.checkpoint_every = 10;
    const TrainingSummary summary = TrainingRun(trainer, validation, options, 1).train();
    CHECK(summary.steps_completed == 20);
    std::size_t told = 0;
    for (const TrainingRecord& record : summary.history) told += record.event.starts_with("checkpoint not written: ") ? 1 : 0;
    CHECK(told == 2);  // in the middle and behind the last step
}

TEST_CASE("a run that is not worth it is measured and left alone") {
    auto trainer = make_trainer(Compressor{quantizer::RoundClip{}}, quick_steps(20));
    const Snapshot before = Snapshot::of(trainer);
    RunOptions options = options_of(10);
    double asked = 0;
    options.worth = [&](double perplexity) {
        asked = perplexity;
        return false;
    };
    const TrainingSummary summary = TrainingRun(trainer, validation, options, 1).train();
    CHECK(summary.steps_completed == 0);
    CHECK(summary.first_perplexity == asked);
    CHECK(summary.best_perplexity == asked);
    CHECK(Snapshot::of(trainer) == before);
}

TEST_CASE("training is worth it where perplexity rose by more than the threshold") {
    static_assert(should_fine_tune(10, 10.6));
    static_assert(!should_fine_tune(10, 10.4));
    static_assert(!should_fine_tune(10, 12, 0.5));
}
