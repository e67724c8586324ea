/// The gradient stops where a weight is far beyond its level.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::ste {

/// dL/dw = dL/dŵ where |w| <= reach·α, else 0: a weight that is far out already does not drift further.
///
/// Knobs   reach in [0.5, 100], in units of α; below 0.5 a weight could never leave zero
/// Source  Hubara et al. 2016, "Binarized Neural Networks", section 2.3, with reach·α in place of 1
struct Clipped {
    static constexpr Role role = Role::ste;
    static constexpr std::string_view name = "clipped";
    float reach = 1.5f;
    static constexpr void knobs(auto&& visit) { visit(Knob{"reach", &Clipped::reach, 0.5f, 100.0f}); }

    BITNET_HD constexpr float slope(float w, float alpha) const noexcept {
        return (w < 0 ? -w : w) <= reach * alpha ? 1.0f : 0.0f;
    }
    bool operator==(const Clipped&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::ste
