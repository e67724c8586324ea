#include <cstdio>
#include <filesystem>
#include <memory>

#include <bitnet/model/random_model.hpp>
#include <bitnet/pipeline/output_directory.hpp>

#include "commands.hpp"
#include "models.hpp"

namespace cli {

using namespace bitnet;

Action add_random_model(CLI::App& app, CommonOptions& common) {
    struct Options {
        std::filesystem::path output;
        RandomModel model;
        std::string dtype = "fp32";
        bool force = false;
    };
    const auto options = std::make_shared<Options>();
    RandomModel& model = options->model;
    app.add_option("OUT", options->output, "directory to write")->required();
    app.add_option("--arch", model.architecture, "llama, mistral, qwen2, gpt2 or bitnet")->capture_default_str();
    app.add_option("--vocab", model.vocab_size, "tokens")->capture_default_str();
    app.add_option("--hidden", model.hidden_size, "width of the residual stream")->capture_default_str();
    app.add_option("--intermediate", model.intermediate_size, "width of the feed-forward layers")->capture_default_str();
    app.add_option("--layers", model.layers, "transformer layers")->capture_default_str();
    app.add_option("--heads", model.heads, "attention heads")->capture_default_str();
    app.add_option("--kv-heads", model.kv_heads, "key and value heads")->capture_default_str();
    app.add_option("--positions", model.max_positions, "longest context")->capture_default_str();
    app.add_flag("--untied{false}", model.tied, "a head of its own");
    app.add_option("--dtype", options->dtype, "fp32, fp16 or bf16")
        ->check(CLI::IsMember({"fp32", "fp16", "bf16"}))
        ->capture_default_str();
    app.add_option("--shards", model.shards, "files to spread the tensors over")->capture_default_str();
    app.add_option("--seed", model.seed, "equal seeds give equal bytes")->capture_default_str();
    app.add_flag("--force", options->force, "replace a model that is there");
    return [options, &common] {
        options->model.dtype = type_named(options->dtype);
        AtomicDirectory directory(options->output, options->force, output_marker_name);
        write_random_model(directory.path(), options->model);
        const std::size_t parameters = ModelDir(directory.path()).parameter_count();
        mark_output(directory.path(), "bitnet random-model");
        directory.commit();
        if (common.json)
            std::puts(to_text(Json::object({{"output", options->output.string()}, {"parameters", parameters}})).c_str());
        else
            std::printf("%s: %zu random parameters; nothing was trained\n", options->output.c_str(), parameters);
    };
}

}  // namespace cli
