/// The five records of a compression: 19 metrics, and 8 values that sum it up, by the names of the phase that this library
/// replaces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <bitnet/config/abi.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/named_metrics.hpp>

namespace bitnet::inline BITNET_ABI {

// Sizes are in units of 2^20 bytes, shares in [0, 1], perplexities exp of the mean negative log likelihood of a token.
// What was not measured is left out: 0 never stands for "unknown".

/// Before anything was done.
struct PreCompressionRecord {
    std::optional<double> original_size_mb{};  ///< of all tensors at FP32, tied ones once
    std::optional<double> pre_perplexity{};
    std::optional<double> pre_eval_loss{};  ///< nats a token: the logarithm of the perplexity

    static constexpr auto metrics = std::tuple{NamedMetric{"compression/original_size_mb", &PreCompressionRecord::original_size_mb},
                                               NamedMetric{"compression/pre_perplexity", &PreCompressionRecord::pre_perplexity},
                                               NamedMetric{"compression/pre_eval_loss", &PreCompressionRecord::pre_eval_loss}};
    bool operator==(const PreCompressionRecord&) const = default;
};

/// What compression did to the weights.
struct CompressionRecord {
    std::optional<double> compressed_size_mb{};         ///< of the packed weights on the disk
    std::optional<double> ratio{};                      ///< original_size_mb over compressed_size_mb
    std::optional<std::uint64_t> layers_compressed{};   ///< layers of the transformer with a ternary matrix
    std::optional<double> sparsity_ratio{};             ///< zeros among ternary codes
    std::optional<std::uint64_t> quantized_params{};    ///< weights that became ternary
    std::optional<std::uint64_t> total_params{};        ///< tied ones once
    std::optional<std::uint64_t> layers_quantized{};    ///< tensors that became ternary

    static constexpr auto metrics = std::tuple{NamedMetric{"compression/compressed_size_mb", &CompressionRecord::compressed_size_mb},
                                               NamedMetric{"compression/ratio", &CompressionRecord::ratio},
                                               NamedMetric{"compression/layers_compressed", &CompressionRecord::layers_compressed},
                                               NamedMetric{"compression/sparsity_ratio", &CompressionRecord::sparsity_ratio},
                                               NamedMetric{"compression/quantized_params", &CompressionRecord::quantized_params},
                                               NamedMetric{"compression/total_params", &CompressionRecord::total_params},
                                               NamedMetric{"compression/layers_quantized", &CompressionRecord::layers_quantized}};
    bool operator==(const CompressionRecord&) const = default;
};

/// What it cost.
struct PostCompressionRecord {
    std::optional<double> post_perplexity{};         ///< of the ternary model, before it learned
    std::optional<double> perplexity_degradation{};  ///< (post - pre) / pre
    std::optional<bool> accuracy_preserved{};        ///< whether what was delivered lost no more than max_accuracy_drop
    std::optional<double> dequantization_accuracy{}; ///< agreement of the packed model's logits with the dense one's
    std::optional<bool> gradient_flow_test_passed{};

    static constexpr auto metrics =
        std::tuple{NamedMetric{"compression/post_perplexity", &PostCompressionRecord::post_perplexity},
                   NamedMetric{"compression/perplexity_degradation", &PostCompressionRecord::perplexity_degradation},
                   NamedMetric{"compression/accuracy_preserved", &PostCompressionRecord::accuracy_preserved},
                   NamedMetric{"compression/dequantization_accuracy", &PostCompressionRecord::dequantization_accuracy},
                   NamedMetric{"compression/gradient_flow_test_passed", &PostCompressionRecord::gradient_flow_test_passed}};
    bool operator==(const PostCompressionRecord&) const = default;
};

/// What learning won back. Of a model that did not learn, nothing.
struct FineTuningRecord {
    std::optional<double> post_finetune_perplexity{};
    std::optional<double> perplexity_recovery{};    ///< (post - post_finetune) / (post - pre), where rounding cost something
    std::optional<double> fine_tune_epochs{};       ///< passes over the text, with fractions
    std::optional<double> fine_tune_time_hours{};   ///< on the clock

    static constexpr auto metrics =
        std::tuple{NamedMetric{"compression/post_finetune_perplexity", &FineTuningRecord::post_finetune_perplexity},
                   NamedMetric{"compression/perplexity_recovery", &FineTuningRecord::perplexity_recovery},
                   NamedMetric{"compression/fine_tune_epochs", &FineTuningRecord::fine_tune_epochs},
                   NamedMetric{"compression/fine_tune_time_hours", &FineTuningRecord::fine_tune_time_hours}};
    bool operator==(const FineTuningRecord&) const = default;
};

/// What one asks first of a run that is over.
struct SummaryRecord {
    std::optional<double> compression_ratio{}, original_size_mb{}, compressed_size_mb{};
    std::optional<double> final_perplexity{};  ///< of the packed model that was delivered
    std::optional<bool> accuracy_preserved{};
    std::optional<bool> success{};  ///< every gate that was measured passed
    std::optional<std::string> quantization_method{};
    std::optional<double> sparsity_ratio{};

    static constexpr auto metrics = std::tuple{NamedMetric{"phase/compression_ratio", &SummaryRecord::compression_ratio},
                                               NamedMetric{"phase/original_size_mb", &SummaryRecord::original_size_mb},
                                               NamedMetric{"phase/compressed_size_mb", &SummaryRecord::compressed_size_mb},
                                               NamedMetric{"phase/final_perplexity", &SummaryRecord::final_perplexity},
                                               NamedMetric{"phase/accuracy_preserved", &SummaryRecord::accuracy_preserved},
                                               NamedMetric{"phase/success", &SummaryRecord::success},
                                               NamedMetric{"phase/quantization_method", &SummaryRecord::quantization_method},
                                               NamedMetric{"phase/sparsity_ratio", &SummaryRecord::sparsity_ratio}};
    bool operator==(const SummaryRecord&) const = default;
};

/// All five.
struct PhaseRecords {
    PreCompressionRecord pre_compression{};
    CompressionRecord compression{};
    PostCompressionRecord post_compression{};
    FineTuningRecord fine_tuning{};
    SummaryRecord summary{};
    std::int64_t steps = 0;  ///< of learning that were done: the step of the last two records

    bool operator==(const PhaseRecords&) const = default;
};

/// Everything that was measured, for the end of a run.
inline Json::Object metrics_of(const PhaseRecords& records) {
    Json::Object out;
    const auto add = [&](const auto& record) {
        for (auto& member : metrics_of(record)) out.push_back(std::move(member));
    };
    add(records.pre_compression);
    add(records.compression);
    add(records.post_compression);
    add(records.fine_tuning);
    add(records.summary);
    return out;
}

/// (after - before) / before: what a perplexity rose by. Nothing unless both are known and `before` is finite and above 0.
constexpr std::optional<double> perplexity_degradation(std::optional<double> before, std::optional<double> after) noexcept {
    if (!before || !after || !is_finite(*before) || !(*before > 0)) return std::nullopt;
    return (*after - *before) / *before;
}

/// (rounded - tuned) / (rounded - before): the share of the loss that learning won back, above 1 where it won more.
/// Nothing where one is unknown or not finite, or rounding cost nothing.
constexpr std::optional<double> perplexity_recovery(std::optional<double> before, std::optional<double> rounded,
                                                    std::optional<double> tuned) noexcept {
    if (!before || !rounded || !tuned || !is_finite(*before) || !is_finite(*rounded) || !is_finite(*tuned)) return std::nullopt;
    if (*rounded <= *before) return std::nullopt;
    return (*rounded - *tuned) / (*rounded - *before);
}

/// Whether a rise is no more than what is allowed; one that is not finite never is.
constexpr std::optional<bool> accuracy_preserved(std::optional<double> degradation, std::optional<double> most) noexcept {
    if (!degradation || !most) return std::nullopt;
    return is_finite(*degradation) && *degradation <= *most;
}

}  // namespace bitnet::inline BITNET_ABI
