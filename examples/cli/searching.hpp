/// Which quantizer, scale and threshold lose least, tried out before a compression begins.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include <bitnet/train/network.hpp>

#include "calibrating.hpp"
#include "models.hpp"
#include "recipes.hpp"

namespace cli {

struct SearchingOptions {
    double seconds = 0;  ///< 0: nothing is searched
    bool given() const { return seconds != 0; }
};
/// --search
void add_searching(CLI::App& app, SearchingOptions& options);

/// Errors  bitnet::errc::bad_value: no text to judge by, options that choose planes and scales themselves or turn the basis, or
///         nothing that nobody typed
void check_searching(const SearchingOptions& options, const CalibratingOptions& calibrating, const RecipeRequest& request, const bitnet::Config& config,
                     bool has_text);

/// Rounds the original in one way after the other, judged by the divergence of its predictions on some of the validation text, and
/// makes the request and the configuration say the best, as if it had been typed. Returns the record. Shows progress.
///
/// No way is tried whose file would miss the target ratio, unless the request misses it too: then none that is larger. Where the
/// run calibrates, only what calibration fits is tried: another quantizer would lose what it gains.
/// kept: a file that the record is taken from where it is there, and else written to; empty: none
bitnet::Json search_recipe(const SearchingOptions& options, const CalibratingOptions& calibrating, RecipeRequest& request, bitnet::Config& config,
                           bitnet::Network<float>& original, const Documents& validation, std::size_t context, bitnet::Execution run, bool quiet,
                           const std::filesystem::path& kept = {});
/// The record in a line.
std::string search_text(const bitnet::Json& record);

}  // namespace cli
