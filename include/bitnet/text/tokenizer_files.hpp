/// Finds the files of a tokenizer in a model directory and reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/mapped_file.hpp>
#include <bitnet/text/special_tokens.hpp>
#include <bitnet/text/tokenizer_json.hpp>
#include <bitnet/text/tokenizer_parts.hpp>
#include <bitnet/text/vocab_and_merges.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Whether something has that name; also where the system refuses to look, and opening it will say why.
inline bool is_there(const std::filesystem::path& path) {
    std::error_code refused;
    return std::filesystem::exists(path, refused) || refused;
}

/// A document that may be absent.
inline std::optional<Json> read_optional_json(const std::filesystem::path& path) {
    if (!is_there(path)) return std::nullopt;
    return read_json_file(path);
}

/// The id that a key of the small files names; nothing when they say null, name a token that does not exist, or do
/// not exist themselves.
inline std::optional<std::uint32_t> named_id(const TokenizerParts& parts, const std::optional<std::string>& name) {
    if (!name) return std::nullopt;
    const auto added = parts.added.table().id_of(*name);
    return added ? added : parts.model.vocabulary().id_of(*name);
}

}  // namespace detail

/// Fills in which tokens begin and end a text: as tokenizer_config.json says, else special_tokens_map.json, else the
/// first id that the post-processor puts in front of a text and the last one behind it.
inline void name_special_tokens(TokenizerParts& parts, const std::optional<Fields>& config, const std::optional<Fields>& map) {
    const auto [bos, bos_known] = special_token(config, map, "bos_token");
    const auto [eos, eos_known] = special_token(config, map, "eos_token");
    const PostProcessor& around = parts.post_processor;
    if (bos_known)
        parts.bos = detail::named_id(parts, bos);
    else if (!around.before.empty())
        parts.bos = around.before.front();
    if (eos_known)
        parts.eos = detail::named_id(parts, eos);
    else if (!around.after.empty())
        parts.eos = around.after.back();
}

/// A model directory, or the tokenizer.json or vocab.json in it. See Tokenizer::open.
inline TokenizerParts read_tokenizer_files(const std::filesystem::path& directory_or_file) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const bool is_directory = fs::is_directory(directory_or_file, ignored);
    const fs::path directory = is_directory ? directory_or_file : directory_or_file.parent_path();
    fs::path file = directory_or_file;
    if (is_directory) file = directory / (detail::is_there(directory / "tokenizer.json") ? "tokenizer.json" : "vocab.json");
    if (is_directory && !detail::is_there(file))
        throw error(errc::missing, message(directory.string(), ": no tokenizer: neither tokenizer.json nor vocab.json"));

    const fs::path config_path = directory / "tokenizer_config.json", map_path = directory / "special_tokens_map.json";
    const Json main = read_json_file(file);
    const std::optional<Json> config_json = detail::read_optional_json(config_path);
    const std::optional<Json> map_json = detail::read_optional_json(map_path);
    std::optional<Fields> config, map;
    if (config_json) config.emplace(*config_json, config_path.string());
    if (map_json) map.emplace(*map_json, map_path.string());

    const auto read = [&] {
        if (file.filename() != "vocab.json") return read_tokenizer_json(main, file.string());
        const fs::path merges_path = directory / "merges.txt";
        const MappedFile merges(merges_path);
        const std::string_view text{reinterpret_cast<const char*>(merges.bytes().data()), merges.bytes().size()};
        return read_vocab_and_merges(main, text, config_json.value_or(Json::object()),
                                     {file.string(), merges_path.string(), config_path.string()});
    };
    TokenizerParts parts = read();
    name_special_tokens(parts, config, map);
    return parts;
}

}  // namespace bitnet::inline BITNET_ABI
