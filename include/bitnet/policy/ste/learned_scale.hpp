/// Scales learn beside the weights.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::ste {

/// ŵ = s·q, q the level nearest to w/s, and s a parameter of its own that begins at the quantizer's scale.
///
///     dL/dw = dL/dŵ where |w| < reach·s, else 0
///     dL/ds = 1/sqrt(n)·Σ dL/dŵ·(q - w/s where |w| < s, else sign(w))        over the n weights that share s
///
/// Knobs   rate in (0, 10]: the learning rate of s as a multiple of the weights'; reach in [0.5, 100]: 1 in the paper
/// Source  Esser et al. 2020, "Learned Step Size Quantization", section 2, with the levels -1, 0, 1
struct LearnedScale {
    static constexpr Role role = Role::ste;
    static constexpr std::string_view name = "learned_scale";
    float rate = 0.1f;
    float reach = 1.0f;
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"rate", &LearnedScale::rate, 1e-6f, 10.0f}, Knob{"reach", &LearnedScale::reach, 0.5f, 100.0f});
    }

    BITNET_HD constexpr float slope(float w, float scale) const noexcept {
        return (w < 0 ? -w : w) < reach * scale ? 1.0f : 0.0f;
    }
    BITNET_HD constexpr float scale_slope(float w, float scale) const noexcept {
        const float magnitude = w < 0 ? -w : w, sign = w < 0 ? -1.0f : 1.0f;
        if (magnitude >= scale) return sign;
        return (magnitude > scale / 2 ? sign : 0.0f) - w / scale;
    }
    bool operator==(const LearnedScale&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::ste
