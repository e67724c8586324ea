/// Trains a tokenizer for test_bpe_trainer.py:  train_tokenizer DOCUMENTS.json VOCAB_SIZE MIN_FREQUENCY DIRECTORY
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <bitnet/io/json.hpp>
#include <bitnet/text/bpe_trainer.hpp>
#include <bitnet/text/tokenizer_writer.hpp>

namespace {

void write(const std::filesystem::path& path, const bitnet::Json& json) {
    std::ofstream out(path, std::ios::binary);
    out << bitnet::to_text(json);
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

void run(const std::vector<std::string>& arguments) {
    if (arguments.size() != 4) throw std::runtime_error("expected DOCUMENTS.json VOCAB_SIZE MIN_FREQUENCY DIRECTORY");
    const bitnet::Json json = bitnet::read_json_file(arguments[0]);
    std::vector<std::string> documents;
    for (const bitnet::Json& document : json.as_array(arguments[0])) documents.push_back(document.as_string(arguments[0]));
    const bitnet::BpeTrainerOptions options{.vocab_size = std::stoul(arguments[1]), .min_frequency = std::stoul(arguments[2])};
    const bitnet::TrainedBpe trained = bitnet::train_bpe(documents, options);
    const std::filesystem::path directory = arguments[3];
    write(directory / "tokenizer.json", bitnet::tokenizer_json(trained));
    write(directory / "tokenizer_config.json", bitnet::tokenizer_config_json(trained, 2048));
}

}  // namespace

int main(int count, char** values) {
    try {
        run(std::vector<std::string>(values + 1, values + count));
        return 0;
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "train_tokenizer: %s\n", failure.what());
        return 1;
    }
}
