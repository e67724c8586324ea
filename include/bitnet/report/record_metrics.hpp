/// Metrics out of the record of a compression, compression_metadata.json, for sinks: of a run that is just over, or of one
/// that was over long ago.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/metrics/named_metrics.hpp>
#include <bitnet/metrics/phase_records.hpp>
#include <bitnet/metrics/series.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/tensor_place.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

/// Bytes in units of 2^20. A file of no bytes is one that was not written.
inline std::optional<double> megabytes(std::optional<double> bytes) {
    return bytes && *bytes > 0 ? std::optional(*bytes / 1048576) : std::nullopt;
}

/// A whole number that is not negative.
inline std::optional<std::uint64_t> find_count(const Json& record, Keys keys) {
    const Json* const found = find_value(record, keys);
    const bool counts = found != nullptr && found->is_integer() && found->as_double() >= 0;
    return counts ? std::optional(found->as_unsigned()) : std::nullopt;
}

/// A count as a step.
inline std::int64_t step_of(std::optional<std::uint64_t> count) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(count.value_or(0), std::numeric_limits<std::int64_t>::max()));
}

inline const Json* find_gate(const Json& record, std::string_view name) {
    for (const Json& gate : find_items(record, {"gates"}))
        if (find_text(gate, {"name"}) == name) return &gate;
    return nullptr;
}

/// A number of a gate: measured or required.
inline std::optional<double> find_in_gate(const Json& record, std::string_view name, std::string_view key) {
    const Json* const gate = find_gate(record, name);
    return gate != nullptr ? find_number(*gate, {key}) : std::nullopt;
}

/// Whether a gate passed; nothing where it was not measured.
inline std::optional<bool> gate_passed(const Json& gate) {
    const std::string state = find_text(gate, {"state"});
    if (state == "failed") return false;
    return state == "passed" || state == "warning" ? std::optional(true) : std::nullopt;
}

/// What the verdict says, or the gates together.
inline std::optional<bool> success_of(const Json& record) {
    if (const auto passed = find_flag(record, {"verdict", "passed"})) return passed;
    std::optional<bool> out;
    for (const Json& gate : find_items(record, {"gates"}))
        if (const auto passed = gate_passed(gate)) out = out.value_or(true) && *passed;
    return out;
}

/// Ternary tensors, with their places.
inline std::vector<std::pair<const Json*, TensorPlace>> ternary_tensors(const Json& record) {
    std::vector<std::pair<const Json*, TensorPlace>> out;
    for (const Json& tensor : find_items(record, {"tensors"}))
        if (find_text(tensor, {"treatment"}) == "ternary") out.emplace_back(&tensor, place_of(find_text(tensor, {"name"})));
    return out;
}

/// Of what was delivered: a share of the original's perplexity.
inline std::optional<bool> accuracy_preserved_of(const Json& record) {
    auto most = find_in_gate(record, "perplexity_degradation", "required");
    if (!most) most = find_number(record, {"config", "max_accuracy_drop"});
    return accuracy_preserved(perplexity_degradation(perplexity_before(record), perplexity_after(record)), most);
}

inline CompressionRecord compression_record(const Json& record) {
    CompressionRecord out{.compressed_size_mb = megabytes(find_number(record, {"quantized_bytes"})),
                          .ratio = find_number(record, {"compression_ratio"}),
                          .quantized_params = find_count(record, {"quantized_params"}),
                          .total_params = find_count(record, {"total_params"}),
                          .layers_quantized = find_count(record, {"layers_quantized"})};
    if (out.ratio == 0.0) out.ratio.reset();  // no packed file was written
    if (find_value(record, {"tensors"}) == nullptr) return out;
    const auto tensors = ternary_tensors(record);
    std::set<std::pair<std::string, std::uint64_t>> layers;
    for (const auto& [tensor, place] : tensors)
        if (place.layer) layers.emplace(place.prefix, *place.layer);
    out.layers_compressed = layers.size();
    if (!tensors.empty()) out.sparsity_ratio = find_number(record, {"sparsity_ratio"});
    return out;
}

inline PostCompressionRecord post_compression_record(const Json& record) {
    PostCompressionRecord out{.post_perplexity = find_number(record, {"fine_tuning", "post_compression_perplexity"}),
                              .accuracy_preserved = accuracy_preserved_of(record),
                              .dequantization_accuracy = find_number(record, {"agreement", "dequantization_accuracy"})};
    out.perplexity_degradation = perplexity_degradation(perplexity_before(record), out.post_perplexity);
    if (!out.dequantization_accuracy) out.dequantization_accuracy = find_in_gate(record, "dequantization_accuracy", "measured");
    if (const Json* const gate = find_gate(record, "gradient_flow")) out.gradient_flow_test_passed = gate_passed(*gate);
    return out;
}

inline FineTuningRecord fine_tuning_record(const Json& record) {
    if (!find_flag(record, {"fine_tuning", "fine_tuned"}).value_or(false)) return {};
    FineTuningRecord out{.post_finetune_perplexity = find_number(record, {"fine_tuning", "training", "best_perplexity"}),
                         .fine_tune_epochs = find_number(record, {"fine_tuning", "training", "epochs"})};
    out.perplexity_recovery = perplexity_recovery(perplexity_before(record), find_number(record, {"fine_tuning", "post_compression_perplexity"}),
                                                  out.post_finetune_perplexity);
    if (!out.fine_tune_epochs) out.fine_tune_epochs = find_number(record, {"fine_tuning", "training", "epochs_completed"});
    if (const auto seconds = find_number(record, {"fine_tuning", "training", "seconds"})) out.fine_tune_time_hours = *seconds / 3600;
    return out;
}

}  // namespace detail

/// The five records, each with what the record of the run tells. Anything in it may be missing, or of a kind that is not
/// expected, and then is left out. Its texts may be anything.
inline PhaseRecords phase_records(const Json& record) {
    PhaseRecords out;
    out.compression = detail::compression_record(record);
    out.post_compression = detail::post_compression_record(record);
    out.fine_tuning = detail::fine_tuning_record(record);
    PreCompressionRecord& pre = out.pre_compression;
    pre.original_size_mb = detail::megabytes(find_number(record, {"original_bytes"}));
    pre.pre_perplexity = perplexity_before(record);
    if (pre.pre_perplexity && *pre.pre_perplexity > 0) pre.pre_eval_loss = std::log(*pre.pre_perplexity);
    out.summary = {.compression_ratio = out.compression.ratio,
                   .original_size_mb = pre.original_size_mb,
                   .compressed_size_mb = out.compression.compressed_size_mb,
                   .final_perplexity = perplexity_after(record),
                   .accuracy_preserved = out.post_compression.accuracy_preserved,
                   .success = detail::success_of(record),
                   .sparsity_ratio = out.compression.sparsity_ratio};
    if (out.compression.layers_quantized.value_or(0) > 0) out.summary.quantization_method = "BitNet-1.58";
    if (out.fine_tuning != FineTuningRecord{}) out.steps = detail::step_of(detail::find_count(record, {"fine_tuning", "training", "steps_completed"}));
    return out;
}

/// What became of each ternary matrix, by layers. A matrix is called by what stands behind its layer's number; where a
/// model has several stacks of layers, by what stands before it too. Of a model that learned, the record's error is
/// against weights that already were ternary: it is left out.
inline std::vector<MatrixRecord> matrix_records(const Json& record) {
    const auto tensors = detail::ternary_tensors(record);
    std::set<std::string> stacks;
    for (const auto& [tensor, place] : tensors)
        if (place.layer) stacks.insert(place.prefix);
    const bool learned = find_flag(record, {"fine_tuning", "fine_tuned"}).value_or(false);
    const Json::Array& calibrated = find_items(record, {"fine_tuning", "calibration", "matrices"});
    std::vector<MatrixRecord> out;
    for (const auto& [tensor, place] : tensors) {
        MatrixRecord one{.matrix = stacks.size() > 1 && place.layer && !place.prefix.empty() ? place.prefix + "." + place.matrix : place.matrix,
                         .layer = detail::step_of(place.layer),
                         .relative_error = learned ? std::nullopt : find_number(*tensor, {"distortion", "relative_error"}),
                         .sparsity = find_number(*tensor, {"distortion", "zeros"}),
                         .bits = find_number(*tensor, {"bits_per_weight"}),
                         .seconds = find_number(*tensor, {"seconds"})};
        const std::string name = find_text(*tensor, {"name"});
        const auto fitted = std::ranges::find_if(calibrated, [&](const Json& matrix) { return find_text(matrix, {"name"}) == name; });
        if (fitted != calibrated.end()) {
            one.output_error = find_number(*fitted, {"output_error"});
            if (const auto seconds = find_number(*fitted, {"seconds"})) one.seconds = one.seconds.value_or(0) + *seconds;
        }
        out.push_back(std::move(one));
    }
    std::ranges::stable_sort(out, {}, &MatrixRecord::layer);
    return out;
}

/// A line of the history of training. What is no step has learned from no tokens, and tells no loss.
inline StepRecord step_record(const Json& line) {
    StepRecord out{.step = detail::step_of(detail::find_count(line, {"step"})),
                   .perplexity = find_number(line, {"perplexity"})};
    if (detail::find_count(line, {"tokens"}).value_or(0) == 0) return out;
    out.loss = find_number(line, {"loss"});
    out.learning_rate = find_number(line, {"learning_rate"});
    out.gradient_norm = find_number(line, {"gradient_norm"});
    out.tokens = detail::find_count(line, {"tokens"});
    return out;
}

/// The steps that the record keeps: those at which perplexity was measured or something happened.
inline std::vector<StepRecord> step_records(const Json& record) {
    std::vector<StepRecord> out;
    for (const Json& line : find_items(record, {"fine_tuning", "training", "history"})) out.push_back(step_record(line));
    return out;
}

/// Tells a sink everything that the record knows, between its begin() and its end(): before compression, compression, each
/// matrix, after it, learning, the summary. Steps of training only if they are wanted: a run has told them already when they
/// were done, and told all of them.
/// wall_time: seconds since 1970, in [0, 1e10), of everything
/// Errors  those of the sink
template <MetricSink Sink>
void log_record(Sink& sink, const Json& record, double wall_time, bool with_steps = true) {
    const PhaseRecords phase = phase_records(record);
    log_metrics(sink, phase.pre_compression, 0, wall_time);
    log_metrics(sink, phase.compression, 0, wall_time);
    for (const MatrixRecord& matrix : matrix_records(record)) log_metrics(sink, matrix, matrix.layer, wall_time);
    log_metrics(sink, phase.post_compression, 0, wall_time);
    if (with_steps)
        for (const StepRecord& step : step_records(record)) log_metrics(sink, step, step.step, wall_time);
    log_metrics(sink, phase.fine_tuning, phase.steps, wall_time);
    log_metrics(sink, phase.summary, phase.steps, wall_time);
}

}  // namespace bitnet::inline BITNET_ABI::report
