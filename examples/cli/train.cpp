#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/file_list.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/text/bpe_trainer.hpp>
#include <bitnet/text/tokenizer_writer.hpp>
#include <bitnet/train/initial.hpp>

#include "commands.hpp"
#include "interrupt.hpp"
#include "learning.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct TrainOptions {
    std::filesystem::path model, init, tokenizer, teacher, output;
    LessonOptions lesson{};
    std::size_t new_tokenizer = 0;
    std::string dtype = "fp16";
    RecipeRequest recipe{};
    LearningOptions learning{};
    const CLI::App* learning_group = nullptr;
    bool dense = false, no_teacher = false, force = false;
};

/// What is trained.
struct Beginning {
    Origin origin;
    Parameters<float> parameters;
};

/// A byte-level tokenizer of the texts, into the working directory.
void train_tokenizer(const TrainOptions& options, std::size_t positions, const std::filesystem::path& directory) {
    const TrainedBpe trained = train_bpe(read_texts(options.lesson.text), {.vocab_size = options.new_tokenizer});
    write_file(directory / "tokenizer.json", to_text(tokenizer_json(trained)) + "\n");
    write_file(directory / "tokenizer_config.json", to_text(tokenizer_config_json(trained, positions)) + "\n");
}

Beginning begin_anew(const TrainOptions& options, const WorkDirectory& work) {
    const Json json = read_json_file(options.init);
    const ModelConfig config = parse_model_config(json, options.init.string());
    std::filesystem::path companions = options.tokenizer;
    if (options.new_tokenizer != 0) {
        if (options.new_tokenizer > config.vocab_size)
            throw error(errc::bad_value, message("--train-tokenizer ", options.new_tokenizer, ": ", options.init.string(), " has a vocab_size of ",
                                                 config.vocab_size));
        companions = work.path() / "tokenizer";
        std::filesystem::create_directories(companions);
        train_tokenizer(options, config.max_positions, companions);
    }
    return {{config, config.tied_head, companions}, initial_parameters(config, config.tied_head, options.learning.seed)};
}

Beginning begin_from(const ModelWeights& weights, Execution run) {
    return {origin_of(weights), read_parameters<float>(weights, run)};
}

void check_options(const TrainOptions& options) {
    if (options.model.empty() == options.init.empty()) throw CLI::ValidationError("MODEL", "name a model directory or --init CONFIG.json, one of them");
    if (options.lesson.text.files.empty() == (options.lesson.self_text == 0)) throw CLI::ValidationError("--text", "name a text or --self-text N, one of them");
    if (!options.init.empty() && options.tokenizer.empty() == (options.new_tokenizer == 0))
        throw CLI::ValidationError("--init", "name a tokenizer with --tokenizer DIR or --train-tokenizer SIZE, one of them");
    if (options.lesson.self_text != 0 && options.model.empty() && options.teacher.empty())
        throw CLI::ValidationError("--self-text", "needs a model to write it: MODEL or --teacher DIR");
    if (options.new_tokenizer != 0 && (options.lesson.self_text != 0 || options.lesson.text.split == "ids"))
        throw CLI::ValidationError("--train-tokenizer", "needs a --text of words");
    if (!options.teacher.empty() && options.no_teacher && options.lesson.self_text == 0)
        throw CLI::ValidationError("--teacher", "has nothing to do with --no-teacher and without --self-text");
    if (!options.init.empty() && options.learning.table_rate == 0.0f)
        throw CLI::ValidationError("--tables", "0 would leave embeddings and head as random as they begin");
}

Json train(TrainOptions& options, const CommonOptions& common) {
    check_options(options);
    Config config;
    from_command_line([&] { check_recipe(options.recipe, config); });
    for (const std::filesystem::path& input : {options.model, options.teacher})
        if (!input.empty()) require_apart(input, options.output);
    const Execution run{&best_kernels(), common.threads};
    listen_for_interrupts();
    AtomicDirectory directory(options.output, options.force, options.dense ? output_marker_name : metadata_file_name);
    WorkDirectory work(directory);
    if (!options.learning.run.resume) work.begin_anew(options.force);

    std::optional<ModelWeights> original, teacher_weights;
    if (!options.model.empty()) original.emplace(options.model);
    if (!options.teacher.empty()) teacher_weights.emplace(options.teacher);
    Beginning beginning = original ? begin_from(*original, run) : begin_anew(options, work);
    const bool teaches_itself = options.teacher.empty() && original && !options.dense && !original->packed();
    const ModelWeights* const speaker = teacher_weights ? &*teacher_weights : original ? &*original : nullptr;
    std::optional<Network<float>> teacher;
    if ((teacher_weights || teaches_itself) && !options.no_teacher)
        teacher.emplace(speaker->config(), read_parameters<float>(*speaker, run), *run.kernels);

    const ModelConfig& own = beginning.origin.config;
    config.adapt_to_model_size(beginning.parameters.count());
    refuse_idle_options(*options.learning_group, options.learning, teacher.has_value());
    context_of(options.learning, own);  // before a text is written for minutes
    Network<float> student(own, std::move(beginning.parameters), *run.kernels);
    if (teacher) require_fitting(student, *teacher, options.learning.step.loss);

    Lesson lesson = make_lesson(options.lesson, beginning.origin.companions, own, speaker, options.learning, run, common.quiet, work.path());
    lesson.teacher = teacher ? &*teacher : nullptr;
    if (!teacher && options.learning.step.loss.targets == 0) options.learning.step.loss.targets = 1;
    const RecipeRequest* const recipe = options.dense ? nullptr : &options.recipe;
    choose_defaults(options.learning, student.parameters(), recipe, config, !original);
    options.learning.run.checkpoint = work.checkpoint();
    options.learning.run.about = Json::object({{"recipe", options.dense ? "dense" : options.recipe.recipe},
                                               {"quantizer", options.recipe.quantizer},
                                               {"scale", options.recipe.scale},
                                               {"learning", identity_of(options.learning)},
                                               {"text_and_weights", message(fingerprint(lesson, student.parameters()))}});
    const Learned learned = resumable(&work, [&] { return learn(std::move(student), recipe, config, options.learning, std::move(lesson), run, common.quiet); });

    Json description = Json::object({{"model", (original ? options.model : options.init).string()},
                                     {"output", options.output.string()},
                                     {"bitnet_version", BITNET_VERSION},
                                     {"optimizer", learned.optimizer},
                                     {"training", to_json(learned.summary)}});
    if (options.dense) {
        write_learned(directory.path(), beginning.origin, learned.parameters, type_named(options.dtype));
    } else {
        const ModelDir model = learned_model(work, beginning.origin, learned.parameters);
        const RecipeResult result = compress_with(options.recipe, config, model, prepare_outputs(model, directory.path(), {}), run, {});
        description.set("ste", learned.ste).set("recipe", options.recipe.recipe).set("policies", result.policies);
        const Json stats = to_json(result.stats);
        for (const auto& [key, value] : stats.as_object()) description.set(key, value);
        description.set(files_key, describe_files(directory.path()));
    }
    write_file(directory.path() / (options.dense ? output_marker_name : metadata_file_name), to_text(description) + "\n");
    directory.commit();
    work.done();
    return description;
}

void train_and_tell(TrainOptions& options, const CommonOptions& common) {
    const Json description = train(options, common);
    if (common.json) {
        std::puts(to_text(description).c_str());
        return;
    }
    const Json& training = description.at("training");
    std::printf("perplexity  %.4f before, %.4f after (step %llu of %llu)\n", training.at("first_perplexity").as_double(),
                training.at("best_perplexity").as_double(), static_cast<unsigned long long>(training.at("best_step").as_unsigned()),
                static_cast<unsigned long long>(training.at("steps_completed").as_unsigned()));
    std::printf("optimizer   %s, %s of state\n", description.at("optimizer").as_string().c_str(),
                bytes_text(training.at("optimizer_bytes").as_unsigned()).c_str());
    std::printf("written     %s\n", options.output.c_str());
}

}  // namespace

Action add_train(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<TrainOptions>();
    app.add_option("MODEL", options->model, "model directory to begin with: an original, dequantized/ or quantized/");
    CLI::Option* const init = app.add_option("--init", options->init, "config.json of a model to begin with random weights");
    app.add_option("-o,--output", options->output, "directory to write")->required();
    add_lesson(app, options->lesson);
    app.add_option("--tokenizer", options->tokenizer, "directory whose tokenizer an --init model gets")->needs(init);
    app.add_option("--train-tokenizer", options->new_tokenizer, "train a byte-level BPE tokenizer of so many tokens on the text")->needs(init);
    app.add_option("--teacher", options->teacher, "model whose predictions are learned; default: MODEL itself before it became ternary");
    app.add_flag("--no-teacher", options->no_teacher, "learn from the text alone");
    CLI::Option* const dense = app.add_flag("--dense", options->dense, "train in full precision: nothing becomes ternary");
    app.add_option("--dtype", options->dtype, "type of a --dense output: fp32, fp16 or bf16")
        ->check(CLI::IsMember({"fp32", "fp16", "bf16"}))->capture_default_str()->needs(dense);
    app.add_option("--recipe", options->recipe.recipe, recipe_help())->capture_default_str()->excludes(dense);
    app.add_option("--quantizer", options->recipe.quantizer, "absmean, round_clip or least_squares")->excludes(dense);
    app.add_option("--scale", options->recipe.scale, "tensor, row, group:64 or group:128")->excludes(dense);
    CLI::App* const learning = add_learning(app, options->learning);
    learning->get_option("--ste")->excludes(dense);
    options->learning_group = learning;
    add_checkpoints(app, options->learning);
    app.add_flag("--force", options->force, "replace an output that is there");
    return [options, &common] { train_and_tell(*options, common); };
}

}  // namespace cli
