/// Each weight takes the nearest level.
#pragma once

#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::sparsity {

/// The threshold that is optimal for any given scale: zero where |w| <= α/2, so that every weight goes to the nearest
/// of {-α, 0, α} and a tie goes to 0. With a scale that is itself optimal this is the least squared error.
///
/// Knobs   none
struct Optimal {
    static constexpr Role role = Role::sparsity;
    static constexpr std::string_view name = "optimal";

    BITNET_HD constexpr float keep(float alpha) const noexcept { return nearest_keep(alpha); }
    bool operator==(const Optimal&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::sparsity
