/// A compressor of matrices whose type nobody needs to know.
#pragma once

#include <functional>
#include <type_traits>

#include <bitnet/calibrate/compress.hpp>
#include <bitnet/policy/quantizer/asymmetric.hpp>

namespace bitnet::inline BITNET_ABI {

/// How matrices are quantized, without the type of who does it.
struct MatrixQuantizer {
    double feedback_damping = 0;
    std::function<TernaryPlanes(const TensorView& weight, const PreparedMoments& moments, Execution run)> compress;
    /// The nearest levels of least squares in the same scales, planes and offsets, without moments: what calibration is better than.
    std::function<TernaryPlanes(const TensorView& weight, Execution run)> plain;
};

template <class... Policies>
MatrixQuantizer matrix_quantizer(const Compressor<Policies...>& compressor) {
    return {quantizer::feedback_damping_of(compressor.quantizer()),
            [compressor](const TensorView& weight, const PreparedMoments& moments, Execution run) {
                return bitnet::compress(compressor, weight, moments, run);
            },
            [compressor](const TensorView& weight, Execution run) {
                constexpr std::size_t planes = Compressor<Policies...>::planes;
                using Symmetric = std::conditional_t<planes == 1, quantizer::LeastSquares, quantizer::TritPlanes<planes>>;
                using Plain = std::conditional_t<Compressor<Policies...>::has_offset, quantizer::Asymmetric<planes>, Symmetric>;
                TernaryPlanes out;
                Compressor{Plain{}, compressor.scale(), compressor.layout()}.compress_into(out, weight, run);
                return out;
            }};
}

}  // namespace bitnet::inline BITNET_ABI
