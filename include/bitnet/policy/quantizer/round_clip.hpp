/// BitNet b1.58: divide by the mean magnitude, round, clip.
#pragma once

#include <algorithm>

#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Absmean quantization as BitNet b1.58 trains with.
///
///     α = max(mean|w|, 1e-5)      q = clip(round(w / α), -1, 1)      ŵ = α·q
///
/// round(w/α) is 0 up to |w| = α/2, where round-half-to-even also gives 0, so the rule is a comparison with α/2.
///
/// Shapes  a region of n weights that share one scale -> one α; the paper's region is the whole tensor
/// Knobs   none
/// Source  Ma et al. 2024, "The Era of 1-bit LLMs: All Large Language Models are in 1.58 Bits", section 2, eq. 1-3;
///         the clamp at 1e-5 is that of the published implementations
struct RoundClip {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "round_clip";
    static constexpr bool chooses_its_zeros = true;

    BITNET_HD constexpr float alpha(double mean_magnitude) const noexcept {
        return std::max(static_cast<float>(mean_magnitude), 1e-5f);
    }
    bool operator==(const RoundClip&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
