/// `bitnet compress` in parts: what was asked for, and the job that makes and judges it.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <bitnet/io/json.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/pipeline/config.hpp>
#include <bitnet/pipeline/output_quality.hpp>
#include <bitnet/pipeline/run_pipeline.hpp>

#include "calibrating.hpp"
#include "commands.hpp"
#include "kept_stages.hpp"
#include "learning.hpp"
#include "live.hpp"
#include "recipes.hpp"
#include "searching.hpp"
#include "sinks.hpp"

namespace cli {

/// What an attempt is made with: what a ladder changes.
struct CompressRequest {
    RecipeRequest recipe{};
    CalibratingOptions calibrating{};
    LearningOptions learning{};
    std::string fine_tune = "auto";
    std::optional<double> threshold{};  ///< another than the configuration's
    std::size_t text_factor = 1;        ///< so many times the text to calibrate and learn from

    /// Whether the ternary image is one that training goes through: a single plane about 0.
    bool can_learn() const { return recipe.planes == 1 && !recipe.asymmetric && !calibrating.allots(); }
};

struct CompressOptions {
    std::string model, output, config_file, architecture;
    std::vector<std::string> settings;
    std::string threshold, kept_as = "fp16", layout = "trit2", scale_type = "fp16";
    CompressRequest request;
    LessonOptions lesson;
    const CLI::App* learning_group = nullptr;
    std::string gates;
    std::filesystem::path other_text, hand_off, registry;
    SearchingOptions searching;
    SinkOptions sinks;
    LiveOptions live;
    double time_limit = 0;  ///< seconds; 0: none
    bool keep_rejected = false, force = false, dry_run = false, profile = false;
    std::set<std::string> typed{};  ///< options that somebody named: a ladder leaves them as they are
};

/// Tables and figures of a record, for people.
void print_record(const bitnet::Json& record);

/// One model, its texts, and every way that is tried to compress it. Shows progress.
class CompressJob {
public:
    using Request = CompressRequest;
    /// model and config must outlive it. limits: of the gates; nothing where judge() will not be called
    CompressJob(const CompressOptions& options, const bitnet::Config& config, const bitnet::ModelDir& model, const WorkDirectory* work,
                const std::optional<bitnet::GateLimits>& limits, bitnet::Execution run, bool quiet);

    /// Where that was asked for, makes both say the recipe that loses least, and returns what was tried.
    bitnet::Json search(Request& request, bitnet::Config& config);
    bitnet::Json make(const Request& request, const std::filesystem::path& directory);
    bitnet::GateFigures judge(const std::filesystem::path& directory, bitnet::Json& record);
    std::vector<bitnet::Rung<Request>> ladder();
    void told(std::string_view attempt) const;
    /// Seconds and multiplications of matrices by stage, all attempts together.
    const bitnet::Json& timing() const { return timing_; }
    const bitnet::Json& products() const { return products_; }
    /// Since the job was begun.
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }

private:
    /// What a text did for a model that was to be compressed: nothing where none was named.
    struct Improvement {
        bitnet::Json report{};
        std::optional<bitnet::ModelDir> model{};  ///< with the weights that were learned; nothing where the original's are to be taken
        std::optional<bitnet::MadeTensors<bitnet::preservation::ByPattern>> tensors{};  ///< what calibration made, or what was learned in a rotated basis
    };
    /// The configuration, with what the request has of its own.
    bitnet::Config config_of(const Request& request) const;
    /// The threshold that loses least where weights are only rounded; nothing where that is the request's.
    std::optional<double> better_threshold(const Request& request);
    /// The request's text, of which the model writes what is missing.
    Lesson lesson_of(const Request& request);
    void improve(const Request& request);
    /// Where stages are kept that `about` tells from others of this model and these texts.
    KeptStages stages_of(bitnet::Json about, const Lesson& lesson) const;
    bool reads_texts() const { return options_.lesson.given(); }
    double perplexity_of(bitnet::Network<float>& network) const;
    void calibrate(const Request& request, const Lesson& lesson, std::optional<Calibrated>& calibrated);
    void train(const Request& request, const Lesson& lesson, std::optional<Calibrated>& calibrated);
    void compare(const std::filesystem::path& directory, bitnet::Json& record) const;

    const CompressOptions& options_;
    const bitnet::Config& config_;
    const bitnet::ModelDir& model_;
    const WorkDirectory* work_;
    std::optional<bitnet::GateLimits> limits_;
    bitnet::Execution run_;
    bool quiet_;
    std::optional<bitnet::ModelWeights> weights_{};
    std::optional<bitnet::Network<float>> teacher_{};
    std::optional<bitnet::Transformer> original_{};
    Lesson lesson_{};
    std::size_t text_factor_ = 1, documents_ = 0;  ///< that the lesson's text has; documents of a factor of 1
    bitnet::JudgedTexts texts_{};
    std::size_t trainings_ = 0;       ///< of all attempts
    std::uint64_t steps_before_ = 0;  ///< of all trainings that are over
    double before_ = 0;  ///< perplexity of the original
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    bitnet::Json timing_ = bitnet::Json::object(), products_ = bitnet::Json::object();
    std::string improved_for_{};  ///< what `improved_` was made with
    Improvement improved_{};
};

}  // namespace cli
