#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/io/json.hpp>
#include <bitnet/text/tokenizer.hpp>

#include "commands.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct TokenizeOptions {
    std::filesystem::path path;
    std::optional<std::string> prompt, text, batch;
    std::vector<std::uint32_t> ids;
    bool no_special = false;
};

/// All of a file, or of standard input for "-".
std::string read_all(const std::string& name) {
    if (name == "-") return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
    const MappedFile file{std::filesystem::path(name)};
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Json ids_json(const std::vector<std::uint32_t>& ids) {
    Json out = Json::array();
    for (const std::uint32_t id : ids) out.push_back(id);
    return out;
}

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);  // it may hold zeros
    std::putchar('\n');
}

void print_encoded(const Tokenizer& tokenizer, const std::vector<std::uint32_t>& ids, bool json) {
    if (json) {
        Json tokens = Json::array();
        for (const std::uint32_t id : ids) tokens.push_back(tokenizer.token_of(id).value_or(""));
        return print(to_text(Json::object({{"count", ids.size()}, {"ids", ids_json(ids)}, {"tokens", std::move(tokens)}})));
    }
    std::string line;
    for (const std::uint32_t id : ids) line += message(line.empty() ? "" : " ", id);
    print(line);
}

/// For many texts at once: {"ids": [[...], ...], "texts": [...]}, the texts decoded from the ids.
void print_batch(const Tokenizer& tokenizer, const TokenizeOptions& options, const EncodeOptions& encoding) {
    const Json texts = parse_json(read_all(*options.batch), *options.batch);
    Json ids = Json::array(), decoded = Json::array();
    for (const Json& text : texts.as_array(*options.batch)) {
        const auto encoded = tokenizer.encode(text.as_string(*options.batch), encoding);
        ids.push_back(ids_json(encoded));
        decoded.push_back(tokenizer.decode(encoded, options.no_special));
    }
    print(to_text(Json::object({{"ids", std::move(ids)}, {"texts", std::move(decoded)}}), -1));
}

}  // namespace

Action add_tokenize(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<TokenizeOptions>();
    app.add_option("MODEL", options->path, "model directory or tokenizer.json")->required();
    CLI::Option_group* const input = app.add_option_group("input", "what to do, one of");
    input->add_option("--prompt", options->prompt, "ids of this text");
    input->add_option("--text", options->text, "ids of the text in this file, - for standard input");
    input->add_option("--batch", options->batch, "ids of every text in a JSON array of strings, and their texts decoded again");
    input->add_option("--decode", options->ids, "text of these ids: 1,2,3")->delimiter(',');
    input->require_option(1);
    app.add_flag("--no-special", options->no_special,
                 "add no control tokens, read them in a text as plain text, and leave them out of decoded text");
    return [options, &common] {
        const Tokenizer tokenizer = Tokenizer::open(options->path);
        const EncodeOptions encoding{.add_special = !options->no_special, .parse_special = !options->no_special};
        if (options->batch) return print_batch(tokenizer, *options, encoding);
        if (options->prompt || options->text) {
            const std::string text = options->prompt ? *options->prompt : read_all(*options->text);
            return print_encoded(tokenizer, tokenizer.encode(text, encoding), common.json);
        }
        const std::string text = tokenizer.decode(options->ids, options->no_special);
        print(common.json ? to_text(Json::object({{"text", text}})) : text);
    };
}

}  // namespace cli
