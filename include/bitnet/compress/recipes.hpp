/// Good combinations by name.
#pragma once

#include <bitnet/compress/compressor.hpp>
#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/scale/per_channel.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>
#include <bitnet/policy/sparsity/size_adaptive.hpp>

namespace bitnet::inline BITNET_ABI::recipe {

/// The "BitNet 1.58 bit" compression phase this library replaces: absmean per channel, few zeros, a threshold that
/// grows with the model.
using Phase4 = Compressor<quantizer::AbsMean, sparsity::SizeAdaptive, scale::PerChannel>;

/// BitNet b1.58 as its paper writes it: round-clip with one scale a tensor.
using BitNet158 = Compressor<quantizer::RoundClip, scale::PerTensor>;

/// The best measured without calibration: exact least squares in groups of 64. On a trained 0.66 M-parameter Llama it
/// leaves less than half of the perplexity that round-clip per channel does.
using Default = Compressor<quantizer::LeastSquares, scale::PerGroup<64>>;

}  // namespace bitnet::inline BITNET_ABI::recipe
