/// The files beside a model's weights that go wherever it goes: tokenizer and generation settings.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/glob.hpp>

namespace bitnet::inline BITNET_ABI {

/// Their names in this directory, sorted; none for what is no directory.
inline std::vector<std::string> companion_files(const std::filesystem::path& directory) {
    std::vector<std::string> out;
    std::error_code ignored;
    if (!std::filesystem::is_directory(directory, ignored)) return out;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        const std::string name = file.path().filename().string();
        for (const std::string_view pattern :
             {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt",
              "merges.txt", "tokenizer.model*", "spiece.model", "tekken.json", "chat_template.*", "generation_config.json"})
            if (glob_match(pattern, name) && file.is_regular_file()) out.push_back(name);
    }
    std::sort(out.begin(), out.end());
    return out;
}

/// Copies them byte for byte. Errors  errc::io naming the file
inline void copy_companions(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (const std::string& name : companion_files(from)) {
        std::error_code reason;
        std::filesystem::copy_file(from / name, to / name, reason);
        if (reason)
            throw error(errc::io, message((to / name).string(), ": cannot copy ", (from / name).string(), ": ", reason.message()));
    }
}

}  // namespace bitnet::inline BITNET_ABI
