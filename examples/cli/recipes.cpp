#include "recipes.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include <bitnet/compress.hpp>
#include <bitnet/core/closest.hpp>
#include <bitnet/model/packed_format.hpp>

namespace cli {
namespace {

using namespace bitnet;
using std::string_view;

template <class... Policies>
using Compiled = Compressor<Policies..., layout::Chosen, preservation::ByPattern>;

/// Every combination that this program holds.
using AnyCompressor = std::variant<
    Compiled<quantizer::AbsMean, scale::PerTensor>, Compiled<quantizer::AbsMean, scale::PerChannel>,
    Compiled<quantizer::AbsMean, scale::PerGroup<64>>, Compiled<quantizer::AbsMean, scale::PerGroup<128>>,
    Compiled<quantizer::RoundClip, scale::PerTensor>, Compiled<quantizer::RoundClip, scale::PerChannel>,
    Compiled<quantizer::RoundClip, scale::PerGroup<64>>, Compiled<quantizer::RoundClip, scale::PerGroup<128>>,
    Compiled<quantizer::LeastSquares, scale::PerTensor>, Compiled<quantizer::LeastSquares, scale::PerChannel>,
    Compiled<quantizer::LeastSquares, scale::PerGroup<64>>, Compiled<quantizer::LeastSquares, scale::PerGroup<128>>,
    Compiled<quantizer::TritPlanes<2>, scale::PerTensor>, Compiled<quantizer::TritPlanes<2>, scale::PerChannel>,
    Compiled<quantizer::TritPlanes<2>, scale::PerGroup<64>>, Compiled<quantizer::TritPlanes<2>, scale::PerGroup<128>>,
    Compiled<quantizer::Asymmetric<1>, scale::PerTensor>, Compiled<quantizer::Asymmetric<1>, scale::PerChannel>,
    Compiled<quantizer::Asymmetric<1>, scale::PerGroup<64>>, Compiled<quantizer::Asymmetric<1>, scale::PerGroup<128>>,
    Compiled<quantizer::Asymmetric<2>, scale::PerTensor>, Compiled<quantizer::Asymmetric<2>, scale::PerChannel>,
    Compiled<quantizer::Asymmetric<2>, scale::PerGroup<64>>, Compiled<quantizer::Asymmetric<2>, scale::PerGroup<128>>>;

struct Recipe {
    string_view name, quantizer, scale, what;
};
constexpr std::array recipes{
    Recipe{"default", "least_squares", "group:64", "exact least squares, a scale for 64 weights"},
    Recipe{"phase4", "absmean", "row", "absmean per channel, threshold by model size"},
    Recipe{"bitnet158", "round_clip", "tensor", "BitNet b1.58: round-clip, one scale a tensor"}};
constexpr std::array<string_view, 3> quantizers_by_name{"absmean", "round_clip", "least_squares"};
constexpr std::array<string_view, 6> quantizers{"absmean", "round_clip", "least_squares", "two planes", "asymmetric", "two asymmetric planes"};
constexpr std::array<string_view, 4> scales{"tensor", "row", "group:64", "group:128"};

std::string list(std::span<const string_view> names) {
    std::string out;
    for (const string_view name : names) out += message(out.empty() ? "" : ", ", name);
    return out;
}

std::size_t index_of(string_view what, string_view name, std::span<const string_view> known) {
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i] == name) return i;
    throw error(errc::bad_value, message(what, " \"", name, "\" is not compiled in; there are ", list(known)));
}

const Recipe& recipe_of(const RecipeRequest& request) {
    std::array<string_view, recipes.size()> names;
    for (std::size_t i = 0; i < recipes.size(); ++i) names[i] = recipes[i].name;
    return recipes[index_of("recipe", request.recipe, names)];
}

std::size_t scale_index(const RecipeRequest& request) {
    return index_of("scale", request.scale.empty() ? recipe_of(request).scale : string_view(request.scale), scales);
}

/// What rounding makes, with the policies of calibration: its tensors have the same shapes.
template <class Compressor>
struct CalibratedShapes : RoundedTensors<Compressor> {
    Json how;
    Json policies() const { return how; }
};

/// The combination's place in AnyCompressor: quantizers outside, scales inside.
std::size_t index_of(const RecipeRequest& request) {
    return index_of("quantizer", quantizer_of(request), quantizers) * scales.size() + scale_index(request);
}

/// The alternative of that index, with its knobs filled from the request and the configuration.
template <std::size_t I = 0>
AnyCompressor make(std::size_t index, const RecipeRequest& request, const Config& config) {
    if constexpr (I < std::variant_size_v<AnyCompressor>) {
        if (index != I) return make<I + 1>(index, request, config);
        using Made = std::variant_alternative_t<I, AnyCompressor>;
        Made out;
        if constexpr (std::same_as<typename Made::Sparsity, sparsity::Fixed>)
            out = out.with(sparsity::Fixed{.threshold = static_cast<float>(config.sparsity_threshold)});
        else if (config.given.contains("sparsity_threshold"))
            throw error(errc::bad_value, message("sparsity_threshold: ", Made::Quantizer::name,
                                                 " chooses its own zeros and would ignore it; use --quantizer absmean"));
        return out.with(typename Made::Scale{.storage = request.scale_storage})
            .with(layout::Chosen{.layout = request.layout})
            .with(preservation_of(request, config));
    } else {
        throw error(errc::bad_value, "no such combination");
    }
}

}  // namespace

std::string quantizer_of(const RecipeRequest& request) {
    if (!request.quantizer.empty()) index_of("quantizer", request.quantizer, quantizers_by_name);
    if (request.planes == 1 && !request.asymmetric) return request.quantizer.empty() ? std::string(recipe_of(request).quantizer) : request.quantizer;
    if (!request.quantizer.empty())
        throw error(errc::bad_value, message(request.asymmetric ? "--asymmetric" : "--planes 2", ": ", request.quantizer,
                                             request.asymmetric ? " has no offsets" : " makes one", "; leave --quantizer out"));
    return std::string(quantizers[request.planes == 1 ? 4 : request.asymmetric ? 5 : 3]);
}

std::string recipe_help() {
    std::string out;
    for (const Recipe& recipe : recipes) out += message(out.empty() ? "" : "; ", recipe.name, ": ", recipe.what);
    return out;
}

void check_recipe(const RecipeRequest& request, const Config& config) { make(index_of(request), request, config); }

preservation::ByPattern preservation_of(const RecipeRequest& request, const Config& config) {
    preservation::ByPattern kept = request.preservation;
    kept.embeddings = config.preserve_embedding_precision;
    kept.head = config.preserve_output_precision;
    return kept;
}

Quantize quantize_with(const RecipeRequest& request, const Config& config) {
    return std::visit([](const auto& compressor) -> Quantize {
        if constexpr (std::same_as<typename std::decay_t<decltype(compressor)>::Compressed, TernaryTensor>)
            return [compressor](TernaryTensor& out, const TensorView& weight, Execution run) { compressor.compress_into(out, weight, run); };
        else
            throw error(errc::bad_value, "nothing trains through several planes of trits, or offsets");
    }, make(index_of(request), request, config));
}

RecipeResult compress_with(const RecipeRequest& request, const Config& config, const ModelDir& model,
                           const CompressionOutputs& outputs, Execution run, const CompressionProgress& progress) {
    return std::visit([&](const auto& compressor) {
        return RecipeResult{policies_to_json(compressor), compress_model(model, compressor, outputs, run, progress)};
    }, make(index_of(request), request, config));
}

CalibratedRecipe calibrated_recipe(const RecipeRequest& request, const Config& config) {
    const auto with = [&]<class Quantizer, class Scale>(Quantizer quantizer, Scale) {
        const Compressor compressor{quantizer, Scale{.storage = request.scale_storage}, layout::Chosen{.layout = request.layout},
                                    preservation_of(request, config)};
        return CalibratedRecipe{matrix_quantizer(compressor), policies_to_json(compressor)};
    };
    const auto in_scales = [&]<class Quantizer>(Quantizer quantizer) {
        switch (scale_index(request)) {
            case 0: return with(quantizer, scale::PerTensor{});
            case 1: return with(quantizer, scale::PerChannel{});
            case 2: return with(quantizer, scale::PerGroup<64>{});
            default: return with(quantizer, scale::PerGroup<128>{});
        }
    };
    using quantizer::CoordinateDescent, quantizer::Gptq;
    if (request.asymmetric)
        return request.planes > 1 ? in_scales(CoordinateDescent<Gptq<quantizer::Asymmetric<2>>>{}) : in_scales(CoordinateDescent<Gptq<quantizer::Asymmetric<>>>{});
    return request.planes > 1 ? in_scales(CoordinateDescent<Gptq<quantizer::TritPlanes<2>>>{}) : in_scales(CoordinateDescent<>{});
}

StorageWays storage_ways(const RecipeRequest& request, const Config& config) {
    StorageWays out;
    for (const std::size_t planes : {1u, 2u})
        for (const char* const scale : {"row", "group:64"}) {
            RecipeRequest one = request;
            one.planes = planes;
            one.scale = scale;
            CalibratedRecipe recipe = calibrated_recipe(one, config);
            out.quantizers.push_back(std::move(recipe.quantizer));
            out.names.push_back(message(planes, planes == 1 ? " plane, " : " planes, ", scale));
            out.policies = std::move(recipe.policies);  // the last one's; scales and planes stand beside each tensor
        }
    return out;
}

Preflight preflight_with(const RecipeRequest& request, const Config& config, const ModelDir& model, const std::optional<Json>& policies) {
    return std::visit([&]<class Made>(const Made& compressor) {
        return policies ? preflight(model, CalibratedShapes<Made>{{compressor}, *policies}) : preflight(model, RoundedTensors<Made>{compressor});
    }, make(index_of(request), request, config));
}

TimeEstimate estimate_with(const RecipeRequest& request, const Config& config, const ModelDir& model, Execution run) {
    return std::visit([&](const auto& compressor) { return estimate_rounding(model, compressor, run); }, make(index_of(request), request, config));
}

RoundMatrix round_with(const RecipeRequest& request, const Config& config) {
    return std::visit([](const auto& compressor) -> RoundMatrix {
        return [compressor](TernaryPlanes& out, const TensorView& weight, Execution run) { compressor.compress_into(out, weight, run); };
    }, make(index_of(request), request, config));
}

std::vector<RecipeRequest> variants_of(const RecipeRequest& request) {
    RecipeRequest first = request;
    const bool one_name = request.planes != 1 || request.asymmetric;  // planes and offsets name their quantizer
    first.scale = scales[scale_index(request)];
    if (!one_name) first.quantizer = quantizer_of(request);
    std::vector<RecipeRequest> out{first};
    for (const string_view quantizer : quantizers_by_name)
        for (const string_view scale : scales) {
            RecipeRequest other = first;
            if (!one_name && request.quantizer.empty()) other.quantizer = quantizer;
            if (request.scale.empty()) other.scale = scale;
            const auto same = [&](const RecipeRequest& known) { return known.quantizer == other.quantizer && known.scale == other.scale; };
            if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(other));
        }
    return out;
}

}  // namespace cli
