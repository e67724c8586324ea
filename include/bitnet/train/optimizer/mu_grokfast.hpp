/// Grokfast and Muon, one after the other.
#pragma once

#include <bitnet/policy/optimizer/grokfast.hpp>
#include <bitnet/train/optimizer/muon.hpp>

namespace bitnet::inline BITNET_ABI::optimizer {

/// Amplifies the slow part of each gradient, then moves the blocks' matrices by Muon and the rest by AdamW. Limit the norm
/// of all gradients first (train/gradient_clip.hpp).
///
/// The defaults are those of the phase this library replaces: alpha 0.98, lambda 2, momentum 0.95, five Newton–Schulz
/// steps; it ran them at a learning rate of 1e-5 after 50 steps of warm-up, on gradients taken at the quantized weights.
/// From weights just rounded, 150 steps of distillation at a peak of 0.05 end at twice the perplexity of Muon alone; for
/// fewer than some thousand steps take lambda = 0.
using MuGrokfast = Grokfast<Muon>;

}  // namespace bitnet::inline BITNET_ABI::optimizer
