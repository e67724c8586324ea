#include "models.hpp"

namespace cli {

using namespace bitnet;

void add_activations(CLI::App& app, std::string& precision) {
    app.add_option("--activations", precision, "inputs of layers with packed weights: fp32, or int8 as BitNet b1.58 runs")
        ->check(CLI::IsMember({"fp32", "int8"}))->capture_default_str();
}

ActivationPrecision precision_named(const std::string& name) {
    return name == "int8" ? ActivationPrecision::int8 : ActivationPrecision::fp32;
}

std::string activations_of(const ModelWeights& weights, const std::string& wanted) {
    if (weights.hf_bitnet()) return "int8";
    return weights.packed() ? wanted : "fp32";
}

Tokenizer open_tokenizer(const ModelWeights& weights) {
    Tokenizer tokenizer = Tokenizer::open(weights.path());
    if (tokenizer.vocab_size() > weights.config().vocab_size)
        throw error(errc::bad_value, message(weights.path().string(), ": the tokenizer has ", tokenizer.vocab_size(),
                                             " tokens and the model ", weights.config().vocab_size,
                                             ": it belongs to another model"));
    return tokenizer;
}

}  // namespace cli
