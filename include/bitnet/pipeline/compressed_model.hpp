/// A model in memory whose weights have become what a packed file would hold.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/core/half.hpp>
#include <bitnet/core/half_matrix.hpp>
#include <bitnet/core/narrow.hpp>
#include <bitnet/model/model_weights.hpp>
#include <bitnet/pipeline/report.hpp>
#include <bitnet/train/parameter.hpp>

namespace bitnet::inline BITNET_ABI {

/// What holds its tensors as Parameters<float>: Network<float>, or a class of one's own.
template <class Model>
concept ModelOfParameters = std::move_constructible<Model> && requires(Model& model, const Model& same) {
    { model.parameters() } -> std::same_as<Parameters<float>&>;
    { same.parameters() } -> std::same_as<const Parameters<float>&>;
};

/// Tensors by name, with outputs as rows.
using StateDict = std::map<std::string, AnyWeight, std::less<>>;

/// A model, and the codes and scales that stand for its weights. It is made by compressing and in no other way, so nobody can ask one
/// for codes that it has not got.
///
///     CompressedModel compressed(Network<float>(config, parameters), Compressor{quantizer::AbsMean{}});
///
/// Which tensors become ternary, and what the others are kept in, is the compressor's preservation policy's business. The model itself
/// works with the images: Ŵ = α·Q where a tensor is ternary, its rounded values where it is kept. For the gradients of a latent weight
/// behind each image there are BitLinear and Trainer.
template <class Compressor, ModelOfParameters Model>
class CompressedModel {
public:
    /// Errors  errc::not_finite naming tensor, flat index and shape; those of the compressor
    CompressedModel(Model model, Compressor compressor, Execution run = execution())
        : model_(std::move(model)), compressor_(std::move(compressor)) {
        const auto begin = std::chrono::steady_clock::now();
        for (Parameter<float>& one : model_.parameters()) compress(one, run);
        stats_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }

    const Model& model() const noexcept { return model_; }
    const Compressor& compressor() const noexcept { return compressor_; }

    /// Every tensor as it is stored: codes and scales, 16-bit or 32-bit floats. Of one kept in 8-bit rows, the floats that its rows
    /// stand for.
    const StateDict& quantized_state_dict() const noexcept { return stored_; }
    /// Every tensor as FP16, to go on training with; as floats where one of its weights is beyond FP16.
    StateDict dequantized_state_dict() const {
        StateDict out;
        for (const Parameter<float>& one : model_.parameters()) {
            AnyWeight weight = one.value;
            if (HalfMatrix half; to_halves(one.value, DType::F16, half)) weight = std::move(half);
            out.emplace(one.spec.name, std::move(weight));
        }
        return out;
    }
    /// Scales of each ternary tensor, row by row; of its planes one behind the other.
    std::map<std::string, std::vector<float>, std::less<>> scale_factors() const {
        std::map<std::string, std::vector<float>, std::less<>> out;
        for (const auto& [name, weight] : stored_)
            if (const auto* const planes = std::get_if<TernaryPlanes>(&weight))
                for (const TernaryTensor& plane : planes->planes) out[name].insert(out[name].end(), plane.scales.begin(), plane.scales.end());
        return out;
    }
    /// Tensor by tensor and in sum. Sizes are those of the tensors alone, without the header of a file.
    const CompressionStats& stats() const noexcept { return stats_; }

    /// Whatever the model's own forward does, with the compressed weights.
    template <class... Arguments>
        requires requires(Model& model, Arguments&&... arguments) { model.forward(std::forward<Arguments>(arguments)...); }
    decltype(auto) forward(Arguments&&... arguments) {
        return model_.forward(std::forward<Arguments>(arguments)...);
    }

private:
    static Shape shape_of(const Parameter<float>& one) {
        return one.spec.shape.size() == 2 ? Shape{one.value.rows(), one.value.cols()} : one.spec.shape;
    }
    static bool to_halves(const Matrix<float>& values, DType type, HalfMatrix& out) {
        std::vector<std::byte> bytes;
        if (!narrow(values.values(), type, bytes)) return false;
        out = {type, Matrix<std::uint16_t>(values.rows(), values.cols())};
        if (!bytes.empty()) std::memcpy(out.bits.data(), bytes.data(), bytes.size());
        return true;
    }

    void compress(Parameter<float>& one, Execution run) {
        const auto begin = std::chrono::steady_clock::now();
        const Shape shape = shape_of(one);
        TensorReport report{.name = one.spec.name, .role = one.spec.role,
                            .treatment = compressor_.preservation().treatment({one.spec.name, one.spec.role, one.spec.shape}),
                            .shape = one.spec.transposed ? one.spec.shape : shape, .parameters = one.value.values().size()};
        const TensorView view{report.name, DType::F32, shape, std::as_bytes(std::span<const float>(one.value.values()))};
        FloatRows(view, *run.kernels).require_finite(0, one.value.values());
        if (report.treatment == Treatment::ternary)
            make_ternary(one, view, report, run);
        else
            keep(one, report);
        std::uint64_t trainable = 2;
        if (HalfMatrix half; !to_halves(one.value, DType::F16, half)) trainable = 4;
        report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        stats_.original_bytes += report.parameters * sizeof(float);
        stats_.quantized_bytes += report.stored_bytes;
        stats_.dequantized_bytes += report.parameters * trainable;
        stats_.tensors.push_back(std::move(report));
    }
    void make_ternary(Parameter<float>& one, const TensorView& view, TensorReport& report, Execution run) {
        TernaryPlanes made;
        compressor_.compress_into(made, view, run);
        report.distortion = distortion(view, made, run);
        report.scale_type = made.planes[0].scale_type;
        report.stored_bytes = made.stored_bytes();
        put_image(made, one.value, run);
        stored_.emplace(report.name, std::move(made));
    }
    void keep(Parameter<float>& one, TensorReport& report) {
        const bool half = report.treatment == Treatment::fp16 || report.treatment == Treatment::bf16;
        HalfMatrix halves;
        if (half && to_halves(one.value, report.treatment == Treatment::fp16 ? DType::F16 : DType::BF16, halves)) {
            float* to = one.value.data();
            for (const std::uint16_t bits : halves.bits.values())
                *to++ = halves.dtype == DType::F16 ? to_float(Half{bits}) : to_float(BFloat16{bits});
            report.stored_bytes = 2 * report.parameters;
            stored_.emplace(report.name, std::move(halves));
            return;
        }
        report.stored_bytes = sizeof(float) * report.parameters;
        if (half) {
            report.treatment = Treatment::fp32;
            report.note = "kept as F32: a weight is beyond 16 bits";
        } else if (report.treatment == Treatment::int8_rows) {
            report.stored_bytes = one.value.rows() * (one.value.cols() + sizeof(float));
            std::vector<std::int8_t> codes(one.value.cols());
            for (std::size_t r = 0; r < one.value.rows(); ++r) {
                const float scale = narrow_to_int8(one.value.row(r), codes);
                for (std::size_t c = 0; c < codes.size(); ++c) one.value(r, c) = scale * static_cast<float>(codes[c]);
            }
        }
        stored_.emplace(report.name, one.value);
    }

    Model model_;
    Compressor compressor_;
    StateDict stored_{};
    CompressionStats stats_{};
};

}  // namespace bitnet::inline BITNET_ABI
