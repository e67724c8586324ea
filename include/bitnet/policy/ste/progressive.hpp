/// From full precision to ternary, little by little.
#pragma once

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::ste {

/// The model works with w + λ·(ŵ - w), the same for activations, and λ grows from 0 to 1; dL/dw is what the gradient at that
/// mixture is.
///
///     λ = min(progress / ramp, 1)        progress: the share of the steps that are done
///
/// Knobs   ramp in [0.001, 1]: the share of the steps after which all is ternary
/// Source  Mekkouri et al. 2024, "Fine-tuning LLMs to 1.58bit: extreme quantization made easy", warm-up quantization
struct Progressive {
    static constexpr Role role = Role::ste;
    static constexpr std::string_view name = "progressive";
    float ramp = 0.5f;
    static constexpr void knobs(auto&& visit) { visit(Knob{"ramp", &Progressive::ramp, 0.001f, 1.0f}); }

    BITNET_HD constexpr float slope(float, float) const noexcept { return 1.0f; }
    constexpr float blend(double progress) const noexcept {
        const double share = progress / static_cast<double>(ramp);
        return share < 1 ? static_cast<float>(share) : 1.0f;
    }
    bool operator==(const Progressive&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::ste
