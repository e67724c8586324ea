/// As many zeros as asked for, in every region.
#pragma once

#include <algorithm>
#include <cmath>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::sparsity {

/// The floor(fraction·n) smallest magnitudes of a region of n weights become zero. Where magnitudes are equal at the
/// boundary, all of them are kept: the share of zeros is at most the fraction.
///
/// Knobs   fraction in [0, 1]
struct TargetFraction {
    static constexpr Role role = Role::sparsity;
    static constexpr std::string_view name = "target_fraction";
    float fraction = 0.35f;
    static constexpr void knobs(auto&& visit) { visit(Knob{"fraction", &TargetFraction::fraction, 0.0f, 1.0f}); }

    float keep(std::span<const float> w, std::span<float> scratch) const {
        const auto zeros = static_cast<std::size_t>(static_cast<double>(fraction) * static_cast<double>(w.size()));
        if (zeros >= w.size()) return std::numeric_limits<float>::infinity();
        for (std::size_t i = 0; i < w.size(); ++i) scratch[i] = std::fabs(w[i]);
        float* const boundary = scratch.data() + zeros;
        std::nth_element(scratch.data(), boundary, scratch.data() + w.size());
        return *boundary;
    }
    bool operator==(const TargetFraction&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::sparsity
