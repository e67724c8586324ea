/// What the commands that run a model share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <bitnet/model/transformer.hpp>
#include <bitnet/text/tokenizer.hpp>

namespace cli {

/// --activations fp32|int8, with the default that `precision` holds.
void add_activations(CLI::App& app, std::string& precision);
bitnet::ActivationPrecision precision_named(const std::string& name);
/// What the activations of this model are in fact: a dense model has nothing to round for.
std::string activations_of(const bitnet::ModelWeights& weights, const std::string& wanted);

/// fp32, fp16 or bf16.
bitnet::DType type_named(const std::string& name);

/// The tokenizer of a directory. More tokens than `config` has rows for is an error: it is another model's.
bitnet::Tokenizer open_tokenizer(const std::filesystem::path& directory, const bitnet::ModelConfig& config);
inline bitnet::Tokenizer open_tokenizer(const bitnet::ModelWeights& weights) { return open_tokenizer(weights.path(), weights.config()); }

/// Which texts a command reads, and how they are cut into documents.
struct TextOptions {
    std::vector<std::filesystem::path> files;
    std::string split = "none";
};
/// --text FILE..., and --split none|blank-line|jsonl|ids.
CLI::Option* add_texts(CLI::App& app, TextOptions& texts);
/// The documents of all files; not for the split "ids".
std::vector<std::string> read_texts(const TextOptions& texts);
using Documents = std::vector<std::vector<std::uint32_t>>;
/// Documents as token ids; with the split "ids" the tokenizer is not asked for.
Documents read_documents(const TextOptions& texts, const std::function<bitnet::Tokenizer()>& tokenizer);

}  // namespace cli
