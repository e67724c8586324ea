/// What calibrated quantizers begin with, and how they stand inside each other.
#pragma once

#include <bitnet/calibrate/input_moments.hpp>
#include <bitnet/compress/fill_rows.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Codes and scales of rows by any quantizer: from the weights alone, or from moments too where it asks for them.
template <class Quantizer>
    requires(!MomentQuantizer<Quantizer>)
void quantize_rows(const Quantizer& quantizer, RowsInWork<planes_of<Quantizer>>& rows, const PreparedMoments&, const Kernels& kernels) {
    const Quantizer copy = quantizer;  // g++ 12 takes an empty policy that is passed on for one that was never set
    fill_rows(copy, rows, kernels);
}
template <MomentQuantizer Quantizer>
void quantize_rows(const Quantizer& quantizer, RowsInWork<Quantizer::planes>& rows, const PreparedMoments& moments, const Kernels& kernels) {
    quantizer.quantize(rows, moments, kernels);
}
/// The damping of the feedback that a quantizer, or one inside it, asks for; 0: none does.
template <class Quantizer>
double feedback_damping_of(const Quantizer& quantizer) {
    if constexpr (requires { quantizer.feedback_damping(); })
        return quantizer.feedback_damping();
    else
        return 0;
}

}  // namespace bitnet::inline BITNET_ABI::quantizer
