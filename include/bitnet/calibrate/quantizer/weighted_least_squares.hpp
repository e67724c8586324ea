/// The threshold and scale that minimise the squared error, each weight counted as much as its input is large.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <bitnet/calibrate/quantizer/start.hpp>
#include <bitnet/core/grid.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Exact least squares with H's diagonal as weights h: over all codes and scales the least Σ h·(w - α·q)².
///
///     k = the first that maximises (Σ h·|w|)² / Σ h over the k largest |w|        α = Σ h·|w| / Σ h        q = 0 where |w| <= α/2
///
/// What inputs have in common is left out: that is what error feedback and coordinate descent are for, which may begin with this.
///
/// Shapes  some rows of (O, C) with H: (C, C) of their inputs -> codes and scales; O(n log n) a region of n weights
/// Knobs   none
/// Source  the objective of Li, Zhang, Liu 2016, "Ternary Weight Networks", section 2, weighted and solved exactly
struct WeightedLeastSquares {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "weighted_least_squares";
    static constexpr std::size_t planes = 1;

    double feedback_damping() const noexcept { return 0; }
    void quantize(RowsInWork<1>& rows, const PreparedMoments& moments, const Kernels& kernels) const {
        std::vector<float> weights(rows.cols());
        for (std::size_t c = 0; c < weights.size(); ++c) weights[c] = moments.metric(c, c);
        if (rows.shared) {
            std::vector<float> all;
            for (std::size_t r = 0; r < rows.rows(); ++r) all.insert(all.end(), weights.begin(), weights.end());
            const float scale = fit(rows.w.values(), all);
            for (std::size_t r = 0; r < rows.rows(); ++r) rows.scales[0](r, 0) = scale;
            kernels.codes(rows.w.data(), rows.w.values().size(), nearest_keep(scale), rows.codes[0].data());
            return;
        }
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t g = 0; g < rows.groups(); ++g) {
                const auto [first, last] = rows.columns(g);
                const std::span<const float> w = std::span<const float>(rows.w.row(r)).subspan(first, last - first);
                rows.scales[0](r, g) = fit(w, std::span(weights).subspan(first, last - first));
                kernels.codes(w.data(), w.size(), nearest_keep(rows.scales[0](r, g)), rows.codes[0].row(r).data() + first);
            }
    }
    bool operator==(const WeightedLeastSquares&) const = default;

private:
    static float fit(std::span<const float> w, std::span<const float> weights) {
        std::vector<std::pair<float, float>> sorted(w.size());
        for (std::size_t i = 0; i < w.size(); ++i) sorted[i] = {std::abs(w[i]), weights[i]};
        std::ranges::stable_sort(sorted, std::ranges::greater{}, &std::pair<float, float>::first);
        double product = 0, weight = 0, best = 0, alpha = 0;
        for (const auto& [magnitude, h] : sorted) {
            product += static_cast<double>(magnitude) * static_cast<double>(h);
            weight += static_cast<double>(h);
            if (weight <= 0 || product * product / weight <= best) continue;
            best = product * product / weight;
            alpha = product / weight;
        }
        return static_cast<float>(alpha);
    }
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
