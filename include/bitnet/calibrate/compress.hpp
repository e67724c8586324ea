/// A matrix through a Compressor whose quantizer asks for second moments.
#pragma once

#include <bitnet/calibrate/quantizer/start.hpp>
#include <bitnet/compress/compress_rows.hpp>
#include <bitnet/compress/compressor.hpp>

namespace bitnet::inline BITNET_ABI {

/// weights: (O, C)  moments: of their inputs, for C channels, in the basis of `moments.rotation`. Blocks of 64 rows are independent
/// of each other, and one thread's work each: the result does not depend on the number of threads. Where one scale serves the
/// whole tensor, all rows are one block.
///
/// Errors  errc::not_finite for a weight, by tensor name and flat index; errc::bad_shape for moments of other channels;
///         errc::bad_value for moments without the feedback that the quantizer asks for
template <class... Policies>
TernaryPlanes compress(const Compressor<Policies...>& compressor, const TensorView& weight, const PreparedMoments& moments,
                       Execution run = execution()) {
    constexpr std::size_t planes = quantizer::planes_of<typename Compressor<Policies...>::Quantizer>;
    const std::size_t cols = matrix_shape(weight.shape).cols;
    if (cols != moments.metric.cols())
        throw error(errc::bad_shape, message(weight.name, ": ", cols, " columns, and moments of ", moments.metric.cols(), " inputs"));
    if (quantizer::feedback_damping_of(compressor.quantizer()) > 0 && moments.feedback.rows() != cols)
        throw error(errc::bad_value, message(weight.name, ": this quantizer feeds errors back, and the moments were prepared without damping"));
    TernaryPlanes out;
    out.rotation = moments.rotation;
    detail::compress_rows<planes>(compressor, weight, out, run, [&](RowsInWork<planes>& rows) {
        quantizer::quantize_rows(compressor.quantizer(), rows, moments, *run.kernels);
    });
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
