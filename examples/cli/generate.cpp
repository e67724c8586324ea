#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <bitnet/infer/generate.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/tokenizer.hpp>

#include "commands.hpp"
#include "models.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct GenerateOptions {
    std::filesystem::path model;
    std::string prompt, activations = "int8";
    std::size_t count = 128;
    SamplingOptions sampling{};
    bool ignore_eos = false;
};

/// Ids of the tokens that end a text: config.json's eos_token_id, a number or a list, and the tokenizer's.
std::vector<std::uint32_t> end_tokens(const ModelWeights& weights, const Tokenizer& tokenizer) {
    std::vector<std::uint32_t> out;
    if (tokenizer.eos()) out.push_back(*tokenizer.eos());
    const Json* const ids = weights.config().json.find("eos_token_id");
    if (ids == nullptr || ids->is_null()) return out;
    const auto add = [&](const Json& id) { out.push_back(static_cast<std::uint32_t>(id.as_unsigned("eos_token_id"))); };
    if (ids->is_array())
        for (const Json& id : ids->as_array("eos_token_id")) add(id);
    else
        add(*ids);
    return out;
}

void generate_text(const GenerateOptions& options, const CommonOptions& common) {
    const Execution run{&best_kernels(), common.threads};
    const ModelWeights weights(options.model);
    const Tokenizer tokenizer = open_tokenizer(weights);
    const Transformer model(weights, precision_named(options.activations), run);
    const std::vector<std::uint32_t> prompt = tokenizer.encode(options.prompt);
    const std::vector<std::uint32_t> ends = options.ignore_eos ? std::vector<std::uint32_t>{} : end_tokens(weights, tokenizer);
    StreamDecoder stream(tokenizer, true);
    std::string text;
    const auto say = [&](const std::string& piece) {
        text += piece;
        if (common.json) return;
        std::fwrite(piece.data(), 1, piece.size(), stdout);
        std::fflush(stdout);
    };
    const auto say_prompt = [&] {  // with the first token: a refusal before it then stands alone
        for (const std::uint32_t id : prompt) say(stream.push(id));
    };
    bool begun = false;
    const auto begin = std::chrono::steady_clock::now();
    bool ended = false;
    const auto ids = generate(model, prompt, options.count, Sampler(options.sampling), run, [&](std::uint32_t id) {
        ended = std::find(ends.begin(), ends.end(), id) != ends.end();
        if (!std::exchange(begun, true)) say_prompt();
        if (!ended) say(stream.push(id));
        return !ended;
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (!begun) say_prompt();
    say(stream.finish());
    if (common.json) {
        Json::Array list;
        for (const std::uint32_t id : ids) list.emplace_back(id);
        std::puts(to_text(Json::object({{"model", options.model.string()},
                                        {"text", text},
                                        {"prompt_tokens", prompt.size()},
                                        {"ids", Json::array(std::move(list))},
                                        {"ended", ended},
                                        {"seconds", seconds},
                                        {"weights", weights.packed() ? "packed" : "dense"},
                                        {"activations", activations_of(weights, options.activations)},
                                        {"kernels", run.kernels->arch}})).c_str());
        return;
    }
    std::puts("");
    std::fflush(stdout);  // before what stands on stderr
    if (!common.quiet)
        std::fprintf(stderr, "%zu tokens of prompt and %zu more in %.2f s; %s weights, %s activations, %s kernels\n",
                     prompt.size(), ids.size(), seconds, weights.packed() ? "packed" : "dense",
                     activations_of(weights, options.activations).c_str(), std::string(run.kernels->arch).c_str());
}

}  // namespace

Action add_generate(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<GenerateOptions>();
    app.add_option("MODEL", options->model, "model directory: an original, dequantized/ or quantized/")->required();
    app.add_option("--prompt", options->prompt, "the beginning of the text");
    app.add_option("-n,--tokens", options->count, "tokens to write at most")->capture_default_str();
    app.add_option("--temperature", options->sampling.temperature, "0 is the most probable token each time")
        ->capture_default_str();
    app.add_option("--top-k", options->sampling.top_k, "draw from so many of the most probable tokens; 0: all")
        ->capture_default_str();
    app.add_option("--top-p", options->sampling.top_p, "draw from the most probable tokens that hold this share")
        ->capture_default_str();
    app.add_option("--seed", options->sampling.seed, "the same seed writes the same text")->capture_default_str();
    app.add_flag("--ignore-eos", options->ignore_eos, "write on behind an end-of-text token");
    add_activations(app, options->activations);
    return [options, &common] { generate_text(*options, common); };
}

}  // namespace cli
