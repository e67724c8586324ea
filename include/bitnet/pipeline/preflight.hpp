/// What a compression will do to a model, before anything is written: sizes, the gates that sizes decide, and how long it takes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/parallel_for.hpp>
#include <bitnet/gate/quality_gates.hpp>
#include <bitnet/pipeline/compress_model.hpp>

namespace bitnet::inline BITNET_ABI {

/// One tensor of the original and what will become of it.
struct PlannedWeights {
    std::string name{};
    TensorRole role = TensorRole::unknown;
    Treatment treatment = Treatment::unchanged;
    Shape shape{};                   ///< as the original stores it
    std::uint64_t parameters = 0;    ///< 0 for buffers, which are no weights
    std::uint64_t stored_bytes = 0;  ///< in the packed file, scales included
    double bits_per_weight() const {
        const std::size_t elements = element_count(shape);
        return elements == 0 ? 0.0 : 8.0 * static_cast<double>(stored_bytes) / static_cast<double>(elements);
    }
    bool operator==(const PlannedWeights&) const = default;
};

/// The whole model. Sizes are those of the files that compress_model() writes, byte for byte, as long as 16 bits hold every
/// weight and scale: one that is beyond them makes its tensor F32, and only reading all weights would tell.
struct Preflight {
    std::vector<PlannedWeights> tensors{};
    std::uint64_t original_bytes = 0;     ///< 4 for each parameter, tied tensors once
    std::uint64_t quantized_bytes = 0;    ///< of quantized/model.safetensors
    std::uint64_t dequantized_bytes = 0;  ///< of dequantized/model.safetensors

    std::uint64_t total_params() const { return sum(&PlannedWeights::parameters, false); }
    std::uint64_t quantized_params() const { return sum(&PlannedWeights::parameters, true); }
    double compression_ratio() const { return static_cast<double>(original_bytes) / static_cast<double>(quantized_bytes); }
    /// Of the parameters, in [0, 1]; 0 without any.
    double quantized_share() const { return total_params() == 0 ? 0.0 : static_cast<double>(quantized_params()) / static_cast<double>(total_params()); }
    /// Of what becomes ternary, scales included; 0 without any.
    double bits_per_weight() const {
        const auto weights = static_cast<double>(quantized_params());
        return weights == 0 ? 0.0 : 8.0 * static_cast<double>(sum(&PlannedWeights::stored_bytes, true)) / weights;
    }

private:
    std::uint64_t sum(std::uint64_t PlannedWeights::*member, bool ternary_only) const {
        std::uint64_t out = 0;
        for (const PlannedWeights& tensor : tensors)
            if (!ternary_only || tensor.treatment == Treatment::ternary) out += tensor.*member;
        return out;
    }
};

/// What write_compressed() would make of a model, without reading a weight. Errors  those of the plan of a file
template <class Source>
Preflight preflight(const ModelDir& model, const Source& source) {
    const WideTensors none;
    const ModelPlan<Source> plan(model, source, none);
    Preflight out{.original_bytes = model.original_bytes_fp32(),
                  .quantized_bytes = safetensors_file_size(plan.quantized(), plan.metadata()),
                  .dequantized_bytes = safetensors_file_size(plan.dequantized())};
    for (std::size_t i = 0; i < model.tensors().size(); ++i) {
        const ModelTensor& tensor = model.tensors()[i];
        out.tensors.push_back({tensor.name, tensor.role, plan.treatment(i), tensor.shape, tensor.buffer ? 0 : element_count(tensor.shape), plan.stored_bytes(i)});
    }
    return out;
}

/// The two gates that sizes alone decide: compression_ratio and quantized_share.
inline std::vector<GateResult> check_size_gates(const Preflight& sizes, const GateLimits& limits) {
    std::vector<GateResult> out;
    for (GateResult& gate : check_gates({.compression_ratio = sizes.compression_ratio(), .quantized_share = sizes.quantized_share()}, limits))
        if (gate.name == "compression_ratio" || gate.name == "quantized_share") out.push_back(std::move(gate));
    return out;
}

/// What stands in the way of both: a sentence about what is kept and which role most of it has, and how small a weight is at all.
inline std::string what_is_kept(const Preflight& sizes) {
    struct Kept {
        std::uint64_t parameters = 0, bytes = 0;
    };
    std::map<std::pair<TensorRole, Treatment>, Kept> roles;
    Kept all;
    for (const PlannedWeights& tensor : sizes.tensors) {
        if (tensor.treatment == Treatment::ternary) continue;
        for (Kept* const sum : {&roles[{tensor.role, tensor.treatment}], &all}) {
            sum->parameters += tensor.parameters;
            sum->bytes += tensor.stored_bytes;
        }
    }
    const auto share = [](std::uint64_t part, std::uint64_t whole) { return detail::in_unit(whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole), detail::Unit::share); };
    std::string out = message("what is kept holds ", share(all.parameters, sizes.total_params()), " of the parameters and ", share(all.bytes, sizes.quantized_bytes), " of the packed file");
    if (all.bytes == 0) return out;
    const auto most = std::ranges::max_element(roles, {}, [](const auto& row) { return row.second.bytes; });
    return message(out, ", most of it ", to_string(most->first.first), " (", to_string(most->first.second), ", ", share(most->second.parameters, sizes.total_params()), " and ",
                   share(most->second.bytes, sizes.quantized_bytes), ")");
}

/// How long rounding takes.
struct TimeEstimate {
    double seconds = 0;          ///< for all weights that become ternary; 0 without any
    std::string tensor{};        ///< whose first rows were measured
    std::uint64_t measured = 0;  ///< weights of that piece
    std::uint64_t weights = 0;   ///< of all tensors that become ternary
};

namespace detail {

/// Rounds the piece, compares it with the original and spreads it out again, as compress_model() does. Returns seconds.
template <class Compressor>
double round_once(const Compressor& compressor, const TensorView& piece, TernaryPlanes& made, Execution run) {
    const auto begin = std::chrono::steady_clock::now();
    compressor.compress_into(made, piece, run);
    distortion(piece, made, run);
    parallel_for(made.cols() == 0 ? 0 : made.rows(), 1 + (1 << 18) / std::max<std::size_t>(1, made.cols()), run.threads, [&](std::size_t first, std::size_t last) {
        std::vector<float> row(made.cols());
        for (std::size_t r = first; r < last; ++r) made.dequantize_row(r, row, run);
    });
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace detail

/// Measures a piece of the largest tensor that becomes ternary, twice as large each time, for about `budget` seconds or until it
/// is the whole tensor, and scales to all. An estimate of rounding alone: reading cold files, writing, what is kept, calibration
/// and learning are not in it.
///
/// budget  seconds, 0 or more: one piece is measured in any case
/// Errors  errc::not_finite naming file, tensor and index, where the piece has such a weight
template <class Compressor>
TimeEstimate estimate_rounding(const ModelDir& model, const Compressor& compressor, Execution run = execution(), double budget = 0.3) {
    const RoundedTensors<Compressor> source{compressor};
    const WideTensors none;
    const ModelPlan<RoundedTensors<Compressor>> plan(model, source, none);
    TimeEstimate out;
    const ModelTensor* largest = nullptr;
    for (std::size_t i = 0; i < model.tensors().size(); ++i) {
        const ModelTensor& tensor = model.tensors()[i];
        if (plan.treatment(i) != Treatment::ternary) continue;
        out.weights += element_count(tensor.shape);
        if (largest == nullptr || element_count(tensor.shape) > element_count(largest->shape)) largest = &tensor;
    }
    if (out.weights == 0) return out;
    const std::string place = detail::place_of(model, *largest);
    TensorView piece = model.view(*largest);
    const std::span<const std::byte> bytes = piece.bytes;
    const MatrixShape whole = matrix_shape(largest->shape);
    const std::size_t row_bytes = bytes.size() / whole.rows;
    piece.name = place;
    TernaryPlanes made;
    double spent = 0, last = 0;
    constexpr std::size_t first_weights = 1 << 16;
    for (std::size_t rows = std::clamp<std::size_t>(first_weights / whole.cols, 1, whole.rows);; rows = std::min(2 * rows, whole.rows)) {
        piece.shape = {rows, whole.cols};  // of a transposed tensor too, as it lies: turning it takes little beside rounding it
        piece.bytes = bytes.first(rows * row_bytes);
        last = detail::round_once(compressor, piece, made, run);
        spent += last;
        out.measured = rows * whole.cols;
        if (rows == whole.rows || spent >= budget) break;
    }
    model.release(*largest);
    out.tensor = largest->name;
    out.seconds = last * static_cast<double>(out.weights) / static_cast<double>(out.measured);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
