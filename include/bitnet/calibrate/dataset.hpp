/// Texts by name in a local directory, and what to fall back on where one is not there.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// Tried one after the other behind the one that was wanted; then the model writes texts itself.
inline constexpr std::array<std::string_view, 3> dataset_fallbacks{"openwebtext", "c4", "wikitext"};
inline constexpr std::string_view synthetic_dataset = "synthetic";

/// Which dataset was taken.
struct DatasetChoice {
    std::string name{};                           ///< "synthetic": none was there
    std::vector<std::filesystem::path> files{};   ///< by name; none for "synthetic"
    std::vector<std::string> missing{};           ///< those that were looked for before

    /// "openwebtext is not in DIR; c4 it is", or nothing where the first was there.
    std::string note(const std::filesystem::path& directory) const {
        if (missing.empty()) return {};
        std::string tried;
        for (const std::string& one : missing) tried += (tried.empty() ? "" : ", ") + one;
        return message(tried, missing.size() == 1 ? " is" : " are", " not in ", directory.string(), "; ",
                       name == synthetic_dataset ? "the model writes its texts itself" : message("calibrated with ", name));
    }
};

/// Files of text by a dataset's name: NAME.txt, NAME.jsonl, and every .txt and .jsonl in NAME/ and below; none where there are none.
///
/// Errors  errc::io for a directory that cannot be read
inline std::vector<std::filesystem::path> dataset_files(const std::filesystem::path& directory, std::string_view name) {
    namespace fs = std::filesystem;
    if (name.empty() || name.find('/') != name.npos || name.starts_with('.'))
        throw error(errc::bad_value, message("a dataset is the name of a file or a directory, not \"", name, "\""));
    const auto is_text = [](const fs::path& path) { return path.extension() == ".txt" || path.extension() == ".jsonl"; };
    std::vector<fs::path> out;
    for (const char* const ending : {".txt", ".jsonl"})
        if (fs::path file = directory / message(name, ending); fs::is_regular_file(file)) out.push_back(std::move(file));
    std::error_code reason;
    if (const fs::path below = directory / name; fs::is_directory(below, reason)) {
        for (fs::recursive_directory_iterator entry(below, reason), end; !reason && entry != end; entry.increment(reason))
            if (entry->is_regular_file() && is_text(entry->path())) out.push_back(entry->path());
        if (reason) throw error(errc::io, message(below.string(), ": cannot be read: ", reason.message()));
    }
    std::ranges::sort(out);
    return out;
}

/// The dataset of that name, or the first of its fallbacks that is there: those behind it in their order, or all for another name.
///
/// Errors  those of dataset_files; errc::missing for a directory that is not there
inline DatasetChoice choose_dataset(const std::filesystem::path& directory, std::string_view wanted) {
    if (!std::filesystem::is_directory(directory)) throw error(errc::missing, message(directory.string(), ": no such directory of datasets"));
    DatasetChoice out;
    std::vector<std::string_view> order{wanted};
    const auto place = std::ranges::find(dataset_fallbacks, wanted);
    order.insert(order.end(), place == dataset_fallbacks.end() ? dataset_fallbacks.begin() : place + 1, dataset_fallbacks.end());
    if (wanted == synthetic_dataset) order.clear();
    for (const std::string_view name : order) {
        out.files = dataset_files(directory, name);
        if (!out.files.empty()) {
            out.name = name;
            return out;
        }
        out.missing.emplace_back(name);
    }
    out.name = synthetic_dataset;
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
