/// Calibration as `bitnet compress` offers it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include <bitnet/calibrated.hpp>
#include <bitnet/pipeline/ternary_source.hpp>

#include "kept_stages.hpp"
#include "learning.hpp"
#include "recipes.hpp"

namespace cli {

struct CalibratingOptions {
    std::string target = "auto";
    bool rotate = false;
    std::size_t refine = 0, refine_together = 0;  ///< passes over the texts: layer by layer, and behind that of all layers
    double bits = 0;         ///< a weight at most, on the whole; 0: as many as it takes
    double degradation = 0;  ///< what perplexity may rise by, as a share; 0: whatever the bits allow
    bool refines() const { return refine + refine_together != 0; }
    /// Whether planes and scales are chosen matrix by matrix.
    bool allots() const { return bits != 0 || degradation != 0; }
};
/// --calibrate, --rotate, --refine, --refine-together, --bits, --degradation, --datasets and what belongs to it.
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
/// By what share a network's perplexity is above the original's.
using RiseOf = std::function<double(bitnet::Network<float>& network)>;

/// Shows progress.  kept: where layers and costs are kept, and taken from
Calibrated calibrate_with(const RecipeRequest& request, const bitnet::Config& config, const CalibratingOptions& options, bitnet::Target target,
                          bitnet::Network<float>& original, const Documents& text, const RiseOf& rise_of, const KeptStages& kept, bitnet::Execution run, bool quiet);

}  // namespace cli
