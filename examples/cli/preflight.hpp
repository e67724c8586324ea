/// What `bitnet compress --dry-run` says: what would be compressed, how small it would become, and how long that takes.
#pragma once

#include <bitnet/model/model_dir.hpp>
#include <bitnet/pipeline/config.hpp>

#include "calibrating.hpp"
#include "recipes.hpp"

namespace cli {

/// A compression as it was typed.
struct PlannedJob {
    const RecipeRequest& request;
    const bitnet::Config& config;  ///< adapted to the model's size
    const CalibratingOptions& calibrating;
    bool has_text = false;  ///< to calibrate with, and to learn from
};

/// Prints it, and writes nothing else.
void show_preflight(const PlannedJob& job, const bitnet::ModelDir& model, bitnet::Execution run, bool json);

}  // namespace cli
