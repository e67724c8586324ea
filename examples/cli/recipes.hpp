/// Recipes by name: where what somebody typed becomes a Compressor type.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <bitnet/calibrated.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/model/model_dir.hpp>
#include <bitnet/pipeline/compress_model.hpp>
#include <bitnet/pipeline/config.hpp>
#include <bitnet/pipeline/preflight.hpp>
#include <bitnet/policy/preservation/by_pattern.hpp>

namespace cli {

/// What was typed. Empty strings and nothing mean: as the recipe says.
struct RecipeRequest {
    std::string recipe = "default";
    std::string quantizer;
    std::string scale;
    std::size_t planes = 1;   ///< of trits that a weight gets
    bool asymmetric = false;  ///< levels about an offset of each region
    bitnet::Layout layout = bitnet::Layout::trit2;
    bitnet::DType scale_storage = bitnet::DType::F16;
    bitnet::preservation::ByPattern preservation{};
};

/// What a run with these policies did.
struct RecipeResult {
    bitnet::Json policies;
    bitnet::CompressionStats stats;
};

/// One line for each recipe, for --help.
std::string recipe_help();
/// Throws bitnet::error for an unknown recipe, a combination that is not compiled in (listing those that are) and for a
/// threshold that the quantizer would ignore. Costs nothing; call it before anything long.
void check_recipe(const RecipeRequest& request, const bitnet::Config& config);

/// The quantizer's name: what was typed, or what the recipe says.
std::string quantizer_of(const RecipeRequest& request);
/// How the request's compressor quantizes a tensor, without its type.
using Quantize = std::function<void(bitnet::TernaryTensor& out, const bitnet::TensorView& weight, bitnet::Execution run)>;
Quantize quantize_with(const RecipeRequest& request, const bitnet::Config& config);
/// What the request's preservation policy is once the configuration has spoken.
bitnet::preservation::ByPattern preservation_of(const RecipeRequest& request, const bitnet::Config& config);

/// How matrices are quantized when it is known what they are given: error feedback and coordinate descent in the request's planes and
/// scales, and the policies as they stand in the metadata.
struct CalibratedRecipe {
    bitnet::MatrixQuantizer quantizer;
    bitnet::Json policies;
};
/// Throws bitnet::error for scales that are not compiled in.
CalibratedRecipe calibrated_recipe(const RecipeRequest& request, const bitnet::Config& config);
/// The ways to store a matrix that a budget of bits chooses from, and what each is called: one plane or two, in scales for rows or
/// for groups.
struct StorageWays {
    std::vector<bitnet::MatrixQuantizer> quantizers;
    std::vector<std::string> names;
    bitnet::Json policies;
};
StorageWays storage_ways(const RecipeRequest& request, const bitnet::Config& config);

/// Compresses `model` with the compressor that the request and the configuration name.
RecipeResult compress_with(const RecipeRequest& request, const bitnet::Config& config, const bitnet::ModelDir& model,
                           const bitnet::CompressionOutputs& outputs, bitnet::Execution run,
                           const bitnet::CompressionProgress& progress);

/// What compress_with() would write, without writing it. policies: those that will stand in the metadata, where they are not the
/// request's own
bitnet::Preflight preflight_with(const RecipeRequest& request, const bitnet::Config& config, const bitnet::ModelDir& model,
                                 const std::optional<bitnet::Json>& policies = {});
/// How long its rounding would take, measured on a piece.
bitnet::TimeEstimate estimate_with(const RecipeRequest& request, const bitnet::Config& config, const bitnet::ModelDir& model, bitnet::Execution run);

/// How the request's compressor rounds a matrix, in any number of planes.
using RoundMatrix = std::function<void(bitnet::TernaryPlanes& out, const bitnet::TensorView& weight, bitnet::Execution run)>;
RoundMatrix round_with(const RecipeRequest& request, const bitnet::Config& config);
/// Every combination that is compiled in and has the quantizer and the scale that were typed: the request comes first, and all of
/// them spell out both.
std::vector<RecipeRequest> variants_of(const RecipeRequest& request);

}  // namespace cli
