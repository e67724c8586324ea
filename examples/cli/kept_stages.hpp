/// What a job that is resumed finds of the stages that were over.
#pragma once

#include <filesystem>
#include <string_view>

#include <bitnet/io/json.hpp>

namespace cli {

/// Where what a stage made is kept.
struct KeptStages {
    std::filesystem::path directory{};  ///< empty: nothing is kept
    bitnet::Json about{};               ///< the texts, the weights, and what was asked for

    /// A name in the directory that no other stage has; empty where nothing is kept.
    std::filesystem::path name_of(std::string_view stage, std::string_view extension = "", const bitnet::Json& more = {}) const;
};

/// A file that is there whole or not at all: what there is no space for is made again. Nothing for an empty name.
void keep_stage(const std::filesystem::path& file, std::string_view text);

}  // namespace cli
