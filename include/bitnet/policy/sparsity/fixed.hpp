/// Zero below a fixed fraction of the scale.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::sparsity {

/// cut = threshold·α: a weight is zero where |w| < cut, and a tie is kept.
///
/// Knobs   threshold in [0, 4]; 0 keeps every weight but exact zeros, 0.5 is rounding to the nearest level
struct Fixed {
    static constexpr Role role = Role::sparsity;
    static constexpr std::string_view name = "fixed";
    float threshold = 0.1f;
    static constexpr void knobs(auto&& visit) { visit(Knob{"threshold", &Fixed::threshold, 0.0f, 4.0f}); }

    BITNET_HD constexpr float keep(float alpha) const noexcept { return threshold * alpha; }
    bool operator==(const Fixed&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::sparsity
