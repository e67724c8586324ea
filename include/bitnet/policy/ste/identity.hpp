/// The gradient passes as if nothing had been rounded.
#pragma once

#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::ste {

/// dL/dw = dL/dŵ for every weight. The dependence of α on w is ignored.
///
/// Knobs   none
/// Source  Bengio, Léonard, Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons"
struct Identity {
    static constexpr Role role = Role::ste;
    static constexpr std::string_view name = "identity";

    BITNET_HD constexpr float slope(float, float) const noexcept { return 1.0f; }
    bool operator==(const Identity&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::ste
