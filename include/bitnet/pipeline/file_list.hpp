/// The files of an output with their sizes and checksums, by which a copy is known to be whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/file_descriptor.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/io/sha256.hpp>
#include <bitnet/pipeline/metadata.hpp>

namespace bitnet::inline BITNET_ABI {

/// The key of the record that holds the list.
inline constexpr std::string_view files_key = "files";

/// One file of an output.
struct ListedFile {
    std::string path{};       ///< below the output, with / between names
    std::uint64_t bytes = 0;
    std::string sha256{};     ///< 64 digits in lower case
    bool operator==(const ListedFile&) const = default;
};

namespace detail {

inline bool is_sha256(std::string_view text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos; }

/// A path that stays below the directory it is appended to.
inline bool stays_below(std::string_view text) {
    const std::filesystem::path path(text);
    return !text.empty() && text.find('\0') == text.npos && path.is_relative() && path.lexically_normal().native() == text && *path.begin() != ".." && path != "." &&
           path.has_filename();
}

}  // namespace detail

/// The regular files below a directory, by path: [{path, bytes, sha256}]. The record itself and the page that is made of it are
/// left out, as they are written last; symbolic links are not followed.
/// Errors  errc::io naming what cannot be read
inline Json describe_files(const std::filesystem::path& root) {
    std::vector<std::filesystem::path> found;
    std::error_code reason;
    for (std::filesystem::recursive_directory_iterator entry(root, reason), end; !reason && entry != end; entry.increment(reason))
        if (entry->symlink_status().type() == std::filesystem::file_type::regular) found.push_back(entry->path().lexically_relative(root));
    if (reason) throw_io_error(root, "list", reason.value());
    std::erase_if(found, [](const std::filesystem::path& path) { return path == metadata_file_name || path == report_file_name; });
    std::sort(found.begin(), found.end());
    Json::Array out;
    for (const std::filesystem::path& path : found) {
        Sha256 sum;
        const std::uint64_t bytes = add_file(sum, root / path);
        out.push_back(Json::object({{"path", path.generic_string()}, {"bytes", bytes}, {"sha256", sum.hex()}}));
    }
    return Json::array(std::move(out));
}

/// What describe_files wrote, read again; `where` begins errors.
/// Errors  errc::bad_value and errc::missing for another kind of list; errc::bad_file for a path that leads out of the output, one
///         that stands twice, and what is no checksum
inline std::vector<ListedFile> listed_files(const Json& files, std::string_view where) {
    std::vector<ListedFile> out;
    for (const Json& row : files.as_array(where)) {
        const std::string place = message(where, "[", out.size(), "]");
        ListedFile file{row.at("path", place).as_string(place), row.at("bytes", place).as_unsigned(place), row.at("sha256", place).as_string(place)};
        if (!detail::stays_below(file.path)) throw error(errc::bad_file, message(place, ": path ", detail::quote(file.path), " leads out of the output"));
        if (!detail::is_sha256(file.sha256))
            throw error(errc::bad_file, message(place, ": sha256 ", detail::quote(file.sha256), ", expected 64 digits of 0 to 9 and a to f"));
        if (std::ranges::find(out, file.path, &ListedFile::path) != out.end())
            throw error(errc::bad_file, message(place, ": path ", detail::quote(file.path), " stands twice"));
        out.push_back(std::move(file));
    }
    return out;
}

/// A sentence for each file that is not there, is of another size or of another checksum.
inline std::vector<std::string> file_faults(const std::filesystem::path& root, const std::vector<ListedFile>& files) {
    std::vector<std::string> out;
    for (const ListedFile& file : files) {
        std::error_code ignored;
        const std::filesystem::path path = root / file.path;
        if (!std::filesystem::exists(path, ignored)) {
            out.push_back(message(file.path, " is missing"));
            continue;
        }
        try {
            Sha256 sum;
            if (const std::uint64_t bytes = add_file(sum, path); bytes != file.bytes)
                out.push_back(message(file.path, " has ", bytes, " bytes, the record says ", file.bytes));
            else if (sum.hex() != file.sha256)
                out.push_back(message(file.path, " has sha256 ", sum.hex(), ", the record says ", file.sha256));
        } catch (const error& problem) {
            out.emplace_back(problem.what());
        }
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
