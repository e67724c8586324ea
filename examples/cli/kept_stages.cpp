#include "kept_stages.hpp"

#include <system_error>

#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/sha256.hpp>

namespace cli {

using namespace bitnet;

std::filesystem::path KeptStages::name_of(std::string_view stage, std::string_view extension, const Json& more) const {
    if (directory.empty()) return {};
    return directory / message(stage, "-", sha256_hex(to_text(Json::array({about, more}))).substr(0, 16), extension);
}

void keep_stage(const std::filesystem::path& file, std::string_view text) {
    if (file.empty()) return;
    std::filesystem::path unfinished = file;
    try {
        write_file(unfinished += ".new", text);
        bitnet::detail::rename_or_throw(unfinished, file);
    } catch (const error&) {
        std::error_code ignored;
        std::filesystem::remove(unfinished, ignored);
    }
}

}  // namespace cli
