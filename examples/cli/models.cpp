#include "models.hpp"

#include <sstream>
#include <string_view>
#include <utility>

#include <bitnet/io/mapped_file.hpp>
#include <bitnet/text/documents.hpp>

namespace cli {

using namespace bitnet;

namespace {

std::string_view text_of(const MappedFile& file) { return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}; }

/// One document of token ids a line, for texts that another program has cut into tokens.
Documents ids_of_lines(std::string_view text, const std::string& file) {
    Documents out;
    std::size_t number = 0;
    bitnet::detail::each_line(text, [&](std::string_view line) {
        ++number;
        std::istringstream words{std::string(line)};
        std::vector<std::uint32_t> ids;
        for (std::uint32_t id; words >> id;) ids.push_back(id);
        if (!words.eof()) throw error(errc::bad_value, message(file, ":", number, ": not a list of token ids"));
        if (!ids.empty()) out.push_back(std::move(ids));
    });
    return out;
}

}  // namespace

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

DType type_named(const std::string& name) {
    return name == "fp32" ? DType::F32 : name == "bf16" ? DType::BF16 : DType::F16;
}

Tokenizer open_tokenizer(const std::filesystem::path& directory, const ModelConfig& config) {
    Tokenizer tokenizer = Tokenizer::open(directory);
    if (tokenizer.vocab_size() > config.vocab_size)
        throw error(errc::bad_value, message(directory.string(), ": the tokenizer has ", tokenizer.vocab_size(), " tokens and the model ",
                                             config.vocab_size, ": it belongs to another model"));
    return tokenizer;
}

CLI::Option* add_texts(CLI::App& app, TextOptions& texts) {
    app.add_option("--split", texts.split, "documents in a file: none, blank-line, jsonl (field \"text\"), or ids (token ids, a "
                   "document a line)")
        ->check(CLI::IsMember({"none", "blank-line", "jsonl", "ids"}))->capture_default_str();
    return app.add_option("--text", texts.files, "text, one file or several");
}

std::vector<std::string> read_texts(const TextOptions& texts) {
    const Split split = texts.split == "jsonl"        ? Split::jsonl
                        : texts.split == "blank-line" ? Split::blank_line
                                                      : Split::none;
    std::vector<std::string> out;
    for (const std::filesystem::path& path : texts.files) {
        const MappedFile file(path);
        for (std::string& document : documents_of(text_of(file), split, path.string())) out.push_back(std::move(document));
    }
    return out;
}

Documents read_documents(const TextOptions& texts, const std::function<Tokenizer()>& tokenizer) {
    Documents out;
    if (texts.split == "ids") {
        for (const std::filesystem::path& path : texts.files) {
            const MappedFile file(path);
            for (auto& ids : ids_of_lines(text_of(file), path.string())) out.push_back(std::move(ids));
        }
        return out;
    }
    const Tokenizer made = tokenizer();
    for (const std::string& document : read_texts(texts)) out.push_back(made.encode(document));
    return out;
}

}  // namespace cli
