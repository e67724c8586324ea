#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <bitnet/eval/perplexity.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include "commands.hpp"
#include "models.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct EvalOptions {
    std::filesystem::path model;
    TextOptions texts;
    std::string activations = "fp32";
    std::size_t context = 0, stride = 0;
    std::filesystem::path logits;
};

/// For document i a tensor "logits.i", F32 (tokens, vocabulary), each document read from its beginning and whole.
/// The file appears whole or not at all.
void write_logits(const std::filesystem::path& wanted, const Transformer& model,
                  const Documents& documents, Execution run) {
    std::vector<PlannedTensor> plan;
    for (std::size_t i = 0; i < documents.size(); ++i) {
        if (documents[i].size() > model.config().max_positions)
            throw error(errc::bad_value, message("document ", i, " has ", documents[i].size(), " tokens; the model has ",
                                                 model.config().max_positions, " positions"));
        plan.push_back({message("logits.", i), DType::F32, {documents[i].size(), model.vocabulary()}});
    }
    struct Partial {
        std::filesystem::path path;
        ~Partial() {
            std::error_code ignored;
            std::filesystem::remove(path, ignored);  // nothing, where it was renamed
        }
    };
    const Partial file{wanted.string() + ".partial"};
    SafetensorsWriter writer(file.path, plan);
    for (std::size_t i = 0; i < documents.size(); ++i) {
        KvCache<float> cache = model.new_cache();
        const Matrix<float> hidden = model.forward(documents[i], cache, run);
        Matrix<float> logits(hidden.rows(), model.vocabulary());
        model.logits(hidden, logits, run);
        writer.write(plan[i].name, std::as_bytes(std::span(logits.values())));
    }
    writer.finish();
    std::filesystem::rename(file.path, wanted);
}

void eval(const EvalOptions& options, const CommonOptions& common) {
    const Execution run{&best_kernels(), common.threads};
    const ModelWeights weights(options.model);
    const Documents documents = read_documents(options.texts, [&] { return open_tokenizer(weights); });
    const Transformer model(weights, precision_named(options.activations), run);
    const std::size_t positions = weights.config().max_positions;
    PerplexityOptions windows;
    windows.context = options.context != 0 ? options.context : std::min<std::size_t>(positions, 512);
    windows.stride = options.stride != 0 ? options.stride : windows.context;
    if (windows.context > positions)
        throw error(errc::bad_value, message("--context ", windows.context, ": the model has ", positions, " positions"));
    Perplexity result;
    {
        Progress progress("eval", common.quiet);
        result = perplexity(model, documents, windows, run, [&](std::size_t done, std::size_t all) {
            progress.update(static_cast<double>(done) / static_cast<double>(all), message(done, " of ", all, " windows"));
        });
    }
    if (!options.logits.empty()) write_logits(options.logits, model, documents, run);
    if (common.json) {
        std::puts(to_text(Json::object({{"model", options.model.string()},
                                        {"tokens", result.tokens},
                                        {"nll", result.nll},
                                        {"perplexity", result.perplexity()},
                                        {"documents", documents.size()},
                                        {"context", windows.context},
                                        {"stride", windows.stride},
                                        {"weights", weights.packed() ? "packed" : "dense"},
                                        {"activations", activations_of(weights, options.activations)},
                                        {"kernels", run.kernels->arch}})).c_str());
    } else {
        std::printf("perplexity %.4f  (%zu tokens scored, %zu documents, context %zu, stride %zu, %s weights, %s "
                    "activations, %s kernels)\n", result.perplexity(), result.tokens, documents.size(), windows.context,
                    windows.stride, weights.packed() ? "packed" : "dense",
                    activations_of(weights, options.activations).c_str(), std::string(run.kernels->arch).c_str());
    }
}

}  // namespace

Action add_eval(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<EvalOptions>();
    app.add_option("MODEL", options->model, "model directory: an original, dequantized/ or quantized/")->required();
    add_texts(app, options->texts)->required();
    app.add_option("--context", options->context, "tokens of a window; default: the model's positions, at most 512")
        ->check(CLI::Range(2, 1 << 30));
    app.add_option("--stride", options->stride, "tokens between the beginnings of two windows; default: the context")
        ->check(CLI::Range(1, 1 << 30));
    app.add_option("--logits", options->logits, "also write the logits of each document to this safetensors file");
    add_activations(app, options->activations);
    return [options, &common] { eval(*options, common); };
}

}  // namespace cli
