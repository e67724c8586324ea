/// Windows of a dataset's tokens, cut once and kept in a file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include <bitnet/core/rng.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/mapped_file.hpp>
#include <bitnet/io/safetensors.hpp>
#include <bitnet/io/safetensors_writer.hpp>
#include <bitnet/text/documents.hpp>
#include <bitnet/text/tokenizer.hpp>

namespace bitnet::inline BITNET_ABI {

struct TokenCacheOptions {
    std::size_t samples = 1000;
    std::size_t tokens = 512;   ///< of a window at most
    std::string field = "text"; ///< of a .jsonl
    std::uint64_t seed = 0;     ///< which documents come first
};

/// Windows of tokens, and whether they were in the cache.
struct CachedTokens {
    std::vector<std::vector<std::uint32_t>> windows{};
    bool from_cache = false;
    std::string note{};  ///< why a cache was made anew, or could not be kept; or nothing
};

namespace detail {

/// A number that another content would hardly have.
class ContentHash {
public:
    void add(std::uint64_t word) noexcept { hash_ = mix64(hash_ ^ word) + 0x9e3779b97f4a7c15u; }
    void add(std::span<const std::byte> bytes) noexcept {
        add(bytes.size());
        for (std::size_t i = 0; i < bytes.size(); i += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
            add(word);
        }
    }
    void add(std::string_view text) noexcept { add(std::as_bytes(std::span(text))); }
    std::string text() const {
        std::string out(16, '0');
        for (std::size_t i = 0; i < 16; ++i) out[i] = "0123456789abcdef"[hash_ >> (60 - 4 * i) & 15];
        return out;
    }

private:
    std::uint64_t hash_ = 0;
};

inline constexpr std::string_view token_cache_key = "bitnet_calibration";

inline std::vector<std::uint32_t> words_of(const TensorView& view) {
    std::vector<std::uint32_t> out(view.bytes.size() / sizeof(std::uint32_t));
    if (!out.empty()) std::memcpy(out.data(), view.bytes.data(), view.bytes.size());
    return out;
}

/// What write_token_cache wrote; nothing, and why, where it is of something else or damaged.
inline std::optional<std::vector<std::vector<std::uint32_t>>> read_token_cache(const std::filesystem::path& path, const std::string& key,
                                                                               std::size_t vocabulary, std::string& why) {
    try {
        const SafetensorsFile file(path);
        const auto found = file.metadata().find(std::string(token_cache_key));
        const TensorEntry *const ids = file.find("ids"), *const lengths = file.find("lengths");
        if (found == file.metadata().end() || found->second != key) return why = "is of another text, tokenizer or setting", std::nullopt;
        if (ids == nullptr || lengths == nullptr || ids->dtype != DType::U32 || lengths->dtype != DType::U32) return why = "lacks a part", std::nullopt;
        const std::vector<std::uint32_t> all = words_of(file.view(*ids)), counts = words_of(file.view(*lengths));
        if (std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) != all.size()) return why = "does not add up", std::nullopt;
        if (std::ranges::any_of(all, [&](std::uint32_t id) { return id >= vocabulary; })) return why = "holds an id beyond the vocabulary", std::nullopt;
        std::vector<std::vector<std::uint32_t>> out;
        for (std::size_t i = 0, begin = 0; i < counts.size(); begin += counts[i], ++i)
            out.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(begin + counts[i]));
        return out;
    } catch (const error& problem) {
        why = problem.what();
        return {};
    }
}

/// Whole or not at all.  Errors  errc::io
inline void write_token_cache(const std::filesystem::path& path, const std::string& key, const std::vector<std::vector<std::uint32_t>>& windows) {
    std::vector<std::uint32_t> ids, lengths;
    for (const auto& window : windows) {
        ids.insert(ids.end(), window.begin(), window.end());
        lengths.push_back(static_cast<std::uint32_t>(window.size()));
    }
    std::filesystem::create_directories(path.parent_path());
    const std::filesystem::path beside = path.string() + message(".", ::getpid());
    std::filesystem::remove(beside);
    try {
        SafetensorsWriter writer(beside, {{"ids", DType::U32, {ids.size()}}, {"lengths", DType::U32, {lengths.size()}}}, {{std::string(token_cache_key), key}});
        writer.write("ids", std::as_bytes(std::span(ids)));
        writer.write("lengths", std::as_bytes(std::span(lengths)));
        writer.finish();
        rename_or_throw(beside, path);
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(beside, ignored);
        throw;
    }
}

}  // namespace detail

/// Windows of the documents in some files, in an order that depends on the seed alone, until there are as many as are wanted. Kept in
/// `cache` under a hash of the texts, the tokenizer's files and the options; a file there that is damaged, or of something else, is
/// made anew, and a cache that cannot be written is no error: the note says so.
///
/// files: .jsonl by their field, others cut at blank lines    tokenizer_files: what its hash is of
/// Errors  those of documents_of and encode; errc::bad_value for files without any text
inline CachedTokens windows_of(std::span<const std::filesystem::path> files, const Tokenizer& tokenizer,
                               std::span<const std::filesystem::path> tokenizer_files, const std::filesystem::path& cache,
                               const TokenCacheOptions& options) {
    detail::ContentHash hash;
    for (const std::uint64_t word : {std::uint64_t{options.samples}, std::uint64_t{options.tokens}, options.seed}) hash.add(word);
    hash.add(options.field);
    for (const auto list : {tokenizer_files, files})
        for (const std::filesystem::path& path : list) {
            hash.add(path.extension().string());
            hash.add(MappedFile(path).bytes());
        }
    const std::string key = hash.text();
    const std::filesystem::path place = cache / ("calibration-" + key + ".safetensors");
    CachedTokens out;
    if (std::error_code hidden; std::filesystem::exists(place, hidden)) {
        if (auto kept = detail::read_token_cache(place, key, tokenizer.vocab_size(), out.note)) {
            out.windows = std::move(*kept);
            out.from_cache = true;
            return out;
        }
        out.note = message(place.string(), ": made anew: ", out.note);
    }
    std::vector<std::string> documents;
    for (const std::filesystem::path& path : files) {
        const MappedFile file(path);
        const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
        for (std::string& one : documents_of(text, path.extension() == ".jsonl" ? Split::jsonl : Split::blank_line, path.string(), options.field))
            if (!detail::stripped(one).empty()) documents.push_back(std::move(one));
    }
    if (documents.empty()) throw error(errc::bad_value, message(files.empty() ? "no file" : files.front().string(), ": there is no text to calibrate with"));
    Random random(mix64(options.seed));
    for (std::size_t i = documents.size(); i > 1; --i) std::swap(documents[i - 1], documents[static_cast<std::size_t>(random.below(i))]);
    for (const std::string& document : documents) {
        if (out.windows.size() >= options.samples) break;
        const std::vector<std::uint32_t> ids = tokenizer.encode(document);
        for (std::size_t begin = 0; begin < ids.size() && out.windows.size() < options.samples; begin += options.tokens) {
            const auto window = std::span(ids).subspan(begin, std::min(options.tokens, ids.size() - begin));
            out.windows.emplace_back(window.begin(), window.end());
        }
    }
    try {
        detail::write_token_cache(place, key, out.windows);
    } catch (const std::exception& problem) {
        out.note = message("tokens are not kept: ", problem.what());
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
