/// The threshold and scale that minimise the squared error, exactly.
#pragma once

#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// The best that rounding alone can do: over all codes and scales the least Σ(w - α·q)².
///
/// For a support of the k largest magnitudes with sum S_k the best scale is S_k/k and the error ||w||² - S_k²/k:
///
///     k = the first that maximises S_k²/k      α = S_k/k      q = 0 where |w| <= α/2, else sign(w)
///
/// Shapes  a region of n weights -> α and threshold; O(n) passes and a sort of the few magnitudes near the optimum
/// Knobs   none
/// Source  the objective of Li, Zhang, Liu 2016, "Ternary Weight Networks", section 2, solved exactly
struct LeastSquares {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "least_squares";

    Grid fit(std::span<const float> w, const Kernels& kernels, std::span<float> scratch) const {
        return kernels.least_squares(w.data(), w.size(), scratch.data());
    }
    bool operator==(const LeastSquares&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
