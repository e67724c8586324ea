/// Training as the commands offer it: what was typed becomes policies, a teacher and a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include <bitnet/train/run.hpp>

#include "interrupt.hpp"
#include "models.hpp"
#include "recipes.hpp"

namespace cli {

/// The knobs of training.
struct LearningOptions {
    std::string optimizer = "adamw", ste, schedule = "cosine", activations = "fp32";
    bitnet::StepOptions step{};  ///< its learning rates are those of the two below, see choose_defaults()
    bitnet::RunOptions run{};
    std::optional<double> learning_rate;
    std::optional<float> table_rate;
    double epochs = 0;  ///< instead of steps, where it is not 0
    std::size_t batch_tokens = 4096, context = 0;
    std::uint64_t seed = 0;
    float grokfast_alpha = 0.98f, grokfast_lambda = 2.0f;
    bool recompute = false, bf16_activations = false;
    /// What matrices begin as, by name, where scales learn; others begin as the recipe rounds them.
    bitnet::MadePlanes start{};
    std::function<void(const bitnet::TrainingRecord&)> log{};  ///< told of each step beside the progress
};
/// A group of options of its own, which is returned.
CLI::App* add_learning(CLI::App& app, LearningOptions& options);
/// --checkpoint-every and --resume.
void add_checkpoints(CLI::App& app, LearningOptions& options);
/// Whether somebody typed an option of that group.
bool typed(const CLI::App& learning, const char* option);
/// Refuses options that would do nothing beside the others: wrong usage.
void refuse_idle_options(const CLI::App& learning, const LearningOptions& options, bool has_teacher);

/// Where texts come from: files, or the teacher's own mouth.
struct LessonOptions {
    TextOptions text{};
    std::vector<std::filesystem::path> validation{};  ///< empty: one document in twenty of the text
    std::size_t self_text = 0;
    std::filesystem::path datasets{}, cache{};  ///< a directory of datasets, and where their tokens are kept
    std::string dataset, field = "text";        ///< which one, and the field of its .jsonl
    std::size_t samples = 1000, sample_tokens = 512;  ///< of a dataset
    bool given() const { return !text.files.empty() || self_text != 0 || !datasets.empty(); }
};
/// --text, --split, --eval-text and --self-text.
void add_lesson(CLI::App& app, LessonOptions& options);

/// What there is to learn from.
struct Lesson {
    Documents text, validation;
    bitnet::Json dataset{};  ///< which one it is from, where one was asked for
    bitnet::Network<float>* teacher = nullptr;
};

/// Tokens of a window: the option, or what suits the model and the batch.
/// Errors  bitnet::errc::bad_value naming the option that does not fit
std::size_t context_of(const LearningOptions& options, const bitnet::ModelConfig& config);

/// tokenizer: the directory that has it; speaker: who writes the texts where none are read; kept: a directory where those are kept, for a
/// run that is resumed
Lesson make_lesson(const LessonOptions& options, const std::filesystem::path& tokenizer, const bitnet::ModelConfig& config, const bitnet::ModelWeights* speaker,
                   const LearningOptions& learning, bitnet::Execution run, bool quiet, const std::filesystem::path& kept = {});

/// Where the model writes the text: has it go on, from `from` times as much as was asked for to `to` times.
void extend_lesson(Lesson& lesson, const LessonOptions& options, const std::filesystem::path& tokenizer, const bitnet::ModelWeights& speaker,
                   const LearningOptions& learning, std::size_t from, std::size_t to, bitnet::Execution run, bool quiet, const std::filesystem::path& kept);

/// The directory beside an output that a run which was interrupted is resumed from: texts that the model wrote, layers that were
/// calibrated, checkpoints of training. They stay after an error, unless there is nothing but texts.
class WorkDirectory {
public:
    /// Errors  errc::exists where a directory of that name holds something else
    explicit WorkDirectory(const bitnet::AtomicDirectory& output);
    WorkDirectory(const WorkDirectory&) = delete;
    WorkDirectory& operator=(const WorkDirectory&) = delete;
    ~WorkDirectory();
    const std::filesystem::path& path() const { return path_; }
    /// A model directory of the weights that were learned, until they are compressed.
    std::filesystem::path trained() const { return path_ / "trained"; }
    /// Of the run's first training, and of those behind it.
    std::filesystem::path checkpoint(std::size_t number = 0) const {
        return path_ / (number == 0 ? std::string("checkpoint.safetensors") : bitnet::message("checkpoint.", number, ".safetensors"));
    }
    /// Before a run that does not go on from checkpoints: what is there of an earlier one is removed where `force` says so.
    /// Errors  errc::exists where there is one, and not
    void begin_anew(bool force);
    void done() { done_ = true; }
    /// What is there to go on from.
    std::vector<std::filesystem::path> stages() const;

private:
    std::filesystem::path marker() const { return path_ / "bitnet_work"; }
    std::filesystem::path path_;
    bool done_ = false, found_ = false;  ///< found: an earlier run's stages, which are not this one's to remove
};

/// What job() gives. One that is interrupted says what it can be resumed from.  work: null where nothing is kept
template <class Job>
auto resumable(const WorkDirectory* work, Job&& job) {
    try {
        return job();
    } catch (const Interrupted& interrupted) {
        if (work == nullptr || work->stages().empty()) throw;
        throw Interrupted(bitnet::message(interrupted.what(), "; ", work->path().string(), " is where the same command goes on from with --resume"));
    }
}

/// What nobody typed: learning rates that suit optimizer and model, and an estimator that suits the quantizer.
/// recipe: what becomes ternary; none: nothing. anew: from random weights
void choose_defaults(LearningOptions& options, const bitnet::Parameters<float>& parameters, const RecipeRequest* recipe,
                     const bitnet::Config& config, bool anew = false);

/// A trained network, wholly ternary where the recipe says so, and how it went.
struct Learned {
    bitnet::Parameters<float> parameters;
    bitnet::TrainingSummary summary;
    std::string optimizer, ste;
    bitnet::MadePlanes made{};  ///< what became ternary, as it is stored
};

/// Trains a network through the ternary weights of a recipe; with none, as it is. Shows progress.
Learned learn(bitnet::Network<float> network, const RecipeRequest* recipe, const bitnet::Config& config, LearningOptions options,
              Lesson lesson, bitnet::Execution run, bool quiet);

/// What a trained model has of the one that it began as.
struct Origin {
    bitnet::ModelConfig config;
    bool tied_head = false;
    std::filesystem::path companions;           ///< a directory with the tokenizer's files
    std::vector<bitnet::TensorView> others{};  ///< tensors that the architecture does not know
};
Origin origin_of(const bitnet::ModelWeights& weights);

/// A dense model directory of trained weights.
void write_learned(const std::filesystem::path& directory, const Origin& origin, const bitnet::Parameters<float>& parameters, bitnet::DType dtype);

/// The same, of FP32 weights in the working directory, opened: what is compressed then.
bitnet::ModelDir learned_model(const WorkDirectory& work, const Origin& origin, const bitnet::Parameters<float>& parameters);

/// What makes a run the run it is: a checkpoint of another is refused.
bitnet::Json identity_of(const LearningOptions& options);
/// One number for the texts and the weights that a run begins with.
std::uint64_t fingerprint(const Lesson& lesson, const bitnet::Parameters<float>& parameters);

bitnet::Json to_json(const bitnet::TrainingSummary& summary);

}  // namespace cli
