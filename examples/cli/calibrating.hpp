/// Calibration as `bitnet compress` offers it.
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <bitnet/calibrated.hpp>
#include <bitnet/pipeline/ternary_source.hpp>

#include "learning.hpp"
#include "recipes.hpp"

namespace cli {

struct CalibratingOptions {
    std::string target = "auto";
    bool rotate = false;
    std::size_t refine = 0;
    double bits = 0;  ///< a weight at most, on the whole; 0: every matrix gets what the request says
};
/// --calibrate, --rotate, --refine, --datasets and what belongs to it.
void add_calibrating(CLI::App& app, CalibratingOptions& options, LessonOptions& lesson);

/// What the matrices are to do, where they are to be calibrated at all.
/// Errors  bitnet::errc::bad_value: a quantizer that looks at weights alone, or a rotation without calibration
std::optional<bitnet::Target> target_of(const CalibratingOptions& options, const RecipeRequest& request, bool has_text);

/// Ternary matrices by name, the network that they make, and how each was fitted.
struct Calibrated {
    bitnet::MadeTensors<bitnet::preservation::ByPattern> tensors;
    bitnet::Network<float> network;
    bitnet::Json report;
};
/// Shows progress.
Calibrated calibrate_with(const RecipeRequest& request, const bitnet::Config& config, const CalibratingOptions& options, bitnet::Target target,
                          bitnet::Network<float>& original, const Documents& text, bitnet::Execution run, bool quiet);

}  // namespace cli
