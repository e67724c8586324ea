/// What the models of an output are worth, measured on their files as they lie on the disk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/eval/agreement.hpp>
#include <bitnet/gate/gradient_flow.hpp>
#include <bitnet/gate/quality_gates.hpp>
#include <bitnet/pipeline/output_directory.hpp>

namespace bitnet::inline BITNET_ABI {

/// Texts, as token ids, that a model and its compressed image are compared on.
struct JudgedTexts {
    std::vector<std::vector<std::uint32_t>> validation{};  ///< what gates ask about: nobody has learned from it
    std::vector<std::vector<std::uint32_t>> elsewhere{};   ///< of another kind; may be empty
    std::string elsewhere_name{};
    PerplexityOptions windows{};
};

/// Nothing stands where a part could not be measured, and `notes` says why.
struct OutputQuality {
    Agreement delivered{};  ///< the original's predictions against those of what is delivered, activations in floating point
    std::optional<Agreement> elsewhere{};
    std::optional<double> dequantization_accuracy{};  ///< of dequantized/ against quantized/, see Agreement::logit_accuracy
    std::optional<double> int8_accuracy{};            ///< of quantized/ with int8 activations against itself without
    std::optional<GradientFlow> gradient_flow{};      ///< through dequantized/
    bool gradients_compared = true;                   ///< with differences: models of less than 100 M parameters
    std::vector<std::string> notes{};

    double degradation() const { return delivered.other_perplexity() / delivered.reference_perplexity() - 1; }
};

/// Told what is being measured and how far that is, in [0, 1].
using QualityProgress = std::function<void(std::string_view what, double share)>;

namespace detail {

/// A double of each weight, its gradient and what passes keep: more than half of the memory is not asked for.
inline bool is_small_enough(std::uint64_t parameters, std::uint64_t memory_bytes) { return parameters < memory_bytes / 2 / 24; }

inline std::uint64_t physical_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size) : 0;
}

/// Fewer samples of larger models: each costs two forward passes for each tensor.
inline GradientFlowOptions flow_options(std::uint64_t parameters) {
    return {.samples = parameters < 10'000'000 ? std::size_t{4} : parameters < 100'000'000 ? std::size_t{1} : std::size_t{0}};
}

inline void measure_flow(OutputQuality& out, const std::filesystem::path& dense, Execution run) {
    const ModelWeights weights(dense);
    const Parameters<float> parameters = read_parameters<float>(weights, run);
    std::uint64_t count = 0;
    for (const Parameter<float>& one : parameters) count += one.value.values().size();
    out.gradients_compared = flow_options(count).samples > 0;
    if (is_small_enough(count, physical_memory()))
        out.gradient_flow = gradient_flow(weights.config(), parameters, flow_options(count), run.threads);
    else
        out.notes.push_back(message("the flow of gradients was not measured: ", count, " parameters and their gradients in double would take more than half of the memory"));
}

}  // namespace detail

/// output: the directory of quantized/ and dequantized/, either of which may be missing
/// Errors  those of reading both models and of compare_predictions
inline OutputQuality measure_output(const Transformer& original, const std::filesystem::path& output, const JudgedTexts& texts, Execution run,
                                    const QualityProgress& progress = {}) {
    constexpr std::size_t few_documents = 32;  // both files' agreement is the same on any text
    const std::filesystem::path packed_path = output / quantized_directory_name, dense_path = output / dequantized_directory_name;
    const auto opened = [&](const std::filesystem::path& path, ActivationPrecision precision) {
        return std::filesystem::exists(path) ? std::optional(Transformer(ModelWeights(path), precision, run)) : std::nullopt;
    };
    const auto told = [&](std::string_view what) {
        return WindowProgress([&progress, what](std::size_t done, std::size_t all) {
            if (progress) progress(what, static_cast<double>(done) / static_cast<double>(all));
        });
    };
    const std::optional<Transformer> packed = opened(packed_path, ActivationPrecision::fp32), dense = opened(dense_path, ActivationPrecision::fp32);
    if (!packed && !dense) throw error(errc::missing, message(output.string(), ": holds no model"));
    const Transformer& delivered = packed ? *packed : *dense;
    OutputQuality out;
    out.delivered = compare_predictions(original, delivered, texts.validation, texts.windows, run, told("against the original"));
    if (!texts.elsewhere.empty()) out.elsewhere = compare_predictions(original, delivered, texts.elsewhere, texts.windows, run, told("on other text"));
    const std::span some = std::span(texts.validation).first(std::min(few_documents, texts.validation.size()));
    if (packed && dense) out.dequantization_accuracy = compare_predictions(*packed, *dense, some, texts.windows, run, told("packed against FP16")).logit_accuracy();
    if (packed) {
        const std::optional<Transformer> rounding = opened(packed_path, ActivationPrecision::int8);
        out.int8_accuracy = compare_predictions(*packed, *rounding, some, texts.windows, run, told("int8 activations")).logit_accuracy();
    }
    if (dense) {
        if (progress) progress("flow of gradients", 0);
        detail::measure_flow(out, dense_path, run);
    }
    return out;
}

/// What gates ask of that.
inline GateFigures figures_of(const OutputQuality& quality) {
    GateFigures out{.degradation = quality.degradation(), .dequantization_accuracy = quality.dequantization_accuracy, .gradients_compared = quality.gradients_compared};
    if (quality.gradient_flow) out.gradient_fault = quality.gradient_flow->error();
    return out;
}

/// Adds what the record of a compression tells about its files.
inline void add_figures(GateFigures& out, const Json& record) {
    const auto number = [&](std::string_view key) { return record.at(key, "record").as_double(key); };
    if (number("quantized_bytes") != 0) out.compression_ratio = number("compression_ratio");
    if (number("total_params") != 0) out.quantized_share = number("quantized_params") / number("total_params");
    if (number("quantized_params") != 0) out.sparsity = number("sparsity_ratio");
}

/// Into the record of a compression: `quality`, `agreement`, `out_of_domain`, `gradient_flow_test`, and the notes.
inline void describe_quality(Json& record, const OutputQuality& quality, const JudgedTexts& texts) {
    const auto number = [](double value) { return is_finite(value) ? Json(value) : Json(nullptr); };
    const Agreement& all = quality.delivered;
    record.set("quality", Json::object({{"pre_perplexity", number(all.reference_perplexity())},
                                        {"post_perplexity", number(all.other_perplexity())},
                                        {"perplexity_degradation", number(quality.degradation())},
                                        {"tokens", all.tokens}}));
    Json agreement = Json::object({{"mean_divergence", number(all.mean_divergence())},
                                   {"top1_agreement", all.agreement()},
                                   {"reference_accuracy", all.reference_accuracy()},
                                   {"other_accuracy", all.other_accuracy()}});
    if (quality.dequantization_accuracy) agreement.set("dequantization_accuracy", number(*quality.dequantization_accuracy));
    if (quality.int8_accuracy) agreement.set("int8_accuracy", number(*quality.int8_accuracy));
    record.set("agreement", std::move(agreement));
    if (quality.dequantization_accuracy) record.set("dequantization_accuracy", number(*quality.dequantization_accuracy));
    if (quality.elsewhere)
        record.set("out_of_domain", Json::object({{"name", texts.elsewhere_name},
                                                  {"pre_perplexity", number(quality.elsewhere->reference_perplexity())},
                                                  {"post_perplexity", number(quality.elsewhere->other_perplexity())},
                                                  {"mean_divergence", number(quality.elsewhere->mean_divergence())},
                                                  {"tokens", quality.elsewhere->tokens}}));
    if (quality.gradient_flow)
        record.set("gradient_flow_test", Json::object({{"passed", quality.gradient_flow->passed()}, {"error", quality.gradient_flow->error()}}));
}

}  // namespace bitnet::inline BITNET_ABI
