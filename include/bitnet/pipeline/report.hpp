/// What compressing a model did to it, tensor by tensor and in sum.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bitnet/compress/distortion.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI {

/// One tensor of the original and what became of it.
struct TensorReport {
    std::string name{};
    TensorRole role = TensorRole::unknown;
    Treatment treatment = Treatment::unchanged;
    Shape shape{};                    ///< as the original stores it
    DType dtype = DType::F32;         ///< of the original
    DType scale_type = DType::F16;    ///< of a ternary tensor's scales
    std::uint64_t parameters = 0;     ///< 0 for buffers, which are no weights
    std::uint64_t stored_bytes = 0;   ///< in the packed file, scales included
    Distortion distortion{};          ///< all zeros unless ternary
    double seconds = 0;
    std::string note{};               ///< what is not as one would expect, or empty

    double bits_per_weight() const {
        const std::size_t elements = element_count(shape);
        return elements == 0 ? 0.0 : 8.0 * static_cast<double>(stored_bytes) / static_cast<double>(elements);
    }
};

/// The whole model. Sizes are bytes of files as they lie on disk.
struct CompressionStats {
    std::vector<TensorReport> tensors;
    std::uint64_t original_bytes = 0;     ///< 4 for each parameter, tied tensors once
    std::uint64_t quantized_bytes = 0;    ///< of quantized/model.safetensors; 0 when it was not asked for
    std::uint64_t dequantized_bytes = 0;  ///< of dequantized/model.safetensors; 0 when it was not asked for
    double seconds = 0;

    std::uint64_t layers_quantized() const { return count(true); }
    std::uint64_t layers_preserved() const { return count(false); }
    std::uint64_t total_params() const { return parameters(false); }
    std::uint64_t quantized_params() const { return parameters(true); }
    /// Codes and errors of all ternary tensors together.
    Distortion distortion() const {
        Distortion sum;
        for (const TensorReport& tensor : tensors) sum += tensor.distortion;
        return sum;
    }
    /// Zeros among the ternary codes, in [0, 1].
    double sparsity_ratio() const { return distortion().zeros(); }
    /// FP32 bytes of the original over bytes of the packed file; 0 when no packed file was written.
    double compression_ratio() const {
        return quantized_bytes == 0 ? 0.0 : static_cast<double>(original_bytes) / static_cast<double>(quantized_bytes);
    }

private:
    std::uint64_t count(bool ternary) const {
        std::uint64_t sum = 0;
        for (const TensorReport& tensor : tensors) sum += (tensor.treatment == Treatment::ternary) == ternary ? 1 : 0;
        return sum;
    }
    std::uint64_t parameters(bool ternary_only) const {
        std::uint64_t sum = 0;
        for (const TensorReport& tensor : tensors)
            if (!ternary_only || tensor.treatment == Treatment::ternary) sum += tensor.parameters;
        return sum;
    }
};

}  // namespace bitnet::inline BITNET_ABI
