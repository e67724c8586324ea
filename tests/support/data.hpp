/// Where the larger public test data lies, on machines that have it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace bitnet_test {

/// The directory named by the environment variable BITNET_DATA, else ../shared/data beside the source tree, where the
/// build defines BITNET_SOURCE_DIR. Nothing when it is not there: the test then prints a line `skipped: ...`.
inline std::optional<std::filesystem::path> shared_data() {
    std::filesystem::path path;
    if (const char* chosen = std::getenv("BITNET_DATA"); chosen != nullptr && *chosen != '\0') path = chosen;
#ifdef BITNET_SOURCE_DIR
    else
        path = std::filesystem::path(BITNET_SOURCE_DIR) / ".." / "shared" / "data";
#endif
    std::error_code ignored;
    if (path.empty() || !std::filesystem::is_directory(path, ignored)) return std::nullopt;
    return path;
}

}  // namespace bitnet_test
