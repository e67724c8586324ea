/// A register of models: one file that says what was made, of what, and how good it is.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>

#include <bitnet/core/error.hpp>
#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/file_descriptor.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/sha256.hpp>
#include <bitnet/model/packed_model.hpp>
#include <bitnet/model/weight_files.hpp>
#include <bitnet/pipeline/file_list.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/report/record.hpp>

namespace bitnet::inline BITNET_ABI {

/// One model.
struct RegistryEntry {
    std::string id{};         ///< registry_id of role, path and sha256
    std::string role{};       ///< "packed" or "fp16"
    std::string path{};       ///< its directory, absolute
    std::string sha256{};     ///< of its weights, see weights_sha256
    std::uint64_t bytes = 0;  ///< of its weights
    std::string parent{};     ///< sha256 of the weights that it was made of
    std::string created{};    ///< UTC, ISO 8601: "2025-11-29T18:49:00Z"
    Json metrics = Json::object();
    bool operator==(const RegistryEntry&) const = default;
};

inline Json to_json(const RegistryEntry& entry) {
    return Json::object({{"id", entry.id}, {"role", entry.role}, {"path", entry.path}, {"sha256", entry.sha256}, {"bytes", entry.bytes},
                         {"parent", entry.parent}, {"created", entry.created}, {"metrics", entry.metrics}});
}

/// What a weights file is known by: its SHA-256. Of shards it is that of the index and, behind it, of every shard in the order of
/// their names.
/// path: a model directory or one file of weights. Errors as WeightFiles and add_file
inline std::string weights_sha256(const std::filesystem::path& path) {
    const WeightFiles weights(path);
    Sha256 sum;
    add_file(sum, weights.path());
    for (const WeightFile& file : weights.files())
        if (file.path() != weights.path()) add_file(sum, file.path());
    return sum.hex();
}

/// The same model at the same place has the same id: 16 digits.
inline std::string registry_id(std::string_view role, std::string_view path, std::string_view sha256) {
    return sha256_hex(message(role, "\n", path, "\n", sha256)).substr(0, 16);
}

/// Now, as entries have it.
inline std::string utc_now() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// The models of an output where it lies now, with figures of its record; the ratio is that of each model's own file.
/// parent: weights_sha256 of the original
inline std::vector<RegistryEntry> entries_of_output(const std::filesystem::path& output, const Json& record, const std::string& parent) {
    std::vector<RegistryEntry> out;
    const std::string created = utc_now();
    Json metrics = Json::object();
    const auto take = [&](std::string_view name, const std::optional<double>& value) {
        if (value) metrics.set(name, *value);
    };
    take("perplexity", report::perplexity_after(record));
    take("original_perplexity", report::perplexity_before(record));
    take("sparsity_ratio", report::find_number(record, {"sparsity_ratio"}));
    for (const auto& [role, name] : {std::pair<std::string_view, std::string_view>("packed", quantized_directory_name), {"fp16", dequantized_directory_name}}) {
        const std::filesystem::path directory = std::filesystem::absolute(output / name).lexically_normal();
        if (!std::filesystem::is_directory(directory)) continue;
        RegistryEntry entry{.role = std::string(role), .path = directory.string(), .parent = parent, .created = created, .metrics = metrics};
        Sha256 sum;
        entry.bytes = add_file(sum, directory / model_file_name);
        entry.sha256 = sum.hex();
        entry.id = registry_id(entry.role, entry.path, entry.sha256);
        if (const auto original = report::find_number(record, {"original_bytes"}); original && entry.bytes != 0)
            entry.metrics.set("compression_ratio", *original / static_cast<double>(entry.bytes));
        out.push_back(std::move(entry));
    }
    return out;
}

namespace detail {

inline constexpr std::string_view registry_key = "bitnet_registry";
inline constexpr std::uint64_t registry_version = 1;

inline RegistryEntry registry_entry(const Json& row, const std::string& place) {
    const auto text = [&](std::string_view key) { return row.at(key, place).as_string(message(place, ": ", key)); };
    RegistryEntry out{text("id"), text("role"), text("path"), text("sha256"), row.at("bytes", place).as_unsigned(message(place, ": bytes")),
                      text("parent"), text("created"), row.at("metrics", place)};
    out.metrics.as_object(message(place, ": metrics"));
    if (out.id.empty()) throw error(errc::bad_file, message(place, ": id is empty"));
    if (!is_sha256(out.sha256)) throw error(errc::bad_file, message(place, ": sha256 ", quote(out.sha256), ", expected 64 digits of 0 to 9 and a to f"));
    return out;
}

/// The document, checked.
inline Json registry_document(const std::filesystem::path& file) {
    Json out = read_json_file(file);
    const Json* const version = out.is_object() ? out.find(registry_key) : nullptr;
    if (version == nullptr || *version != Json(registry_version))
        throw error(errc::bad_file, message(file.string(), ": no register of models: ", quote(registry_key), " is not ", registry_version));
    std::size_t i = 0;
    for (const Json& row : out.at("entries", file.string()).as_array(message(file.string(), ": entries")))
        registry_entry(row, message(file.string(), ": entries[", i++, "]"));
    return out;
}

/// Held by the one that changes a register, until this ends. The lock file stays: who waits for it has it open.
class RegistryLock {
public:
    explicit RegistryLock(std::filesystem::path file) : path_(file += ".lock"), file_(open_file(path_, O_RDWR | O_CREAT | O_NOFOLLOW)) {
        if (!file_.is_open()) throw_io_error(path_, "create", errno);
        while (::flock(file_.number(), LOCK_EX) != 0)
            if (errno != EINTR) throw_io_error(path_, "lock", errno);
    }

private:
    std::filesystem::path path_;
    FileDescriptor file_;
};

}  // namespace detail

/// All entries, oldest first.
/// Errors  errc::missing where there is no such file; errc::bad_file where it is none of ours; errc::missing and errc::bad_value
///         naming entry and key
inline std::vector<RegistryEntry> read_registry(const std::filesystem::path& file) {
    const Json document = detail::registry_document(file);
    std::vector<RegistryEntry> out;
    for (const Json& row : document.at("entries").as_array()) out.push_back(detail::registry_entry(row, file.string()));
    return out;
}

/// Adds entries at the end, and removes an old one of the same id. The file is made where it is not there.
///
/// Others wait meanwhile, on `<file>.lock`, and readers find the old file or the new one: it is written beside and renamed.
/// Keys that other programs gave to the file or to its entries stay.
/// Errors  those of read_registry but for a missing file; errc::io when the system refuses
inline void add_to_registry(const std::filesystem::path& file, const std::vector<RegistryEntry>& entries) {
    const detail::RegistryLock lock(file);
    Json document = Json::object({{std::string(detail::registry_key), detail::registry_version}, {"entries", Json::array()}});
    if (detail::exists_at(file)) document = detail::registry_document(file);
    Json::Array rows = document.at("entries").as_array();
    for (const RegistryEntry& entry : entries) {
        std::erase_if(rows, [&](const Json& row) { return row.at("id").as_string() == entry.id; });
        rows.push_back(to_json(entry));
    }
    document.set("entries", Json::array(std::move(rows)));
    std::filesystem::path beside = file;
    beside += ".partial";
    try {
        write_file(beside, to_text(document) + "\n");
        detail::rename_or_throw(beside, file);
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(beside, ignored);
        throw;
    }
    detail::sync_path(file.has_parent_path() ? file.parent_path() : std::filesystem::path("."));
}

}  // namespace bitnet::inline BITNET_ABI
