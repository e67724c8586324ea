/// Where calibrated quantizers begin: levels from the weights alone.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/calibrate/input_moments.hpp>
#include <bitnet/calibrate/rows_in_work.hpp>
#include <bitnet/compress/policy_set.hpp>
#include <bitnet/compress/region.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Planes of trits that a quantizer gives to each weight: one, unless it says otherwise.
template <class Q>
inline constexpr std::size_t planes_of = [] {
    if constexpr (requires { Q::planes; })
        return std::size_t{Q::planes};
    else
        return std::size_t{1};
}();

/// Codes of one region; its scale.
template <class Quantizer>
float quantize_one(const Quantizer& quantizer, std::span<const float> w, std::span<std::int8_t> codes, const Kernels& kernels) {
    if constexpr (CodeQuantizer<Quantizer>) {
        return quantize_region(quantizer, w, codes);
    } else {
        std::vector<float> scratch(w.size());
        double mean = 0;
        for (const float x : w) mean += std::abs(static_cast<double>(x));
        const Grid grid = fit_grid(quantizer, default_sparsity<Quantizer>{}, w, mean / static_cast<double>(w.size()), kernels, scratch);
        kernels.codes(w.data(), w.size(), grid.keep, codes.data());
        return grid.alpha;
    }
}

/// Codes and scales of rows by a quantizer that sees one region at a time, without second moments.
template <class Quantizer>
    requires(!MomentQuantizer<Quantizer>)
void quantize_rows(const Quantizer& quantizer, RowsInWork<1>& rows, const PreparedMoments&, const Kernels& kernels) {
    if (rows.shared) {  // one region
        const float scale = quantize_one(quantizer, rows.w.values(), {rows.codes[0].data(), rows.rows() * rows.cols()}, kernels);
        for (std::size_t r = 0; r < rows.rows(); ++r) rows.scales[0](r, 0) = scale;
        return;
    }
    for (std::size_t r = 0; r < rows.rows(); ++r)
        for (std::size_t g = 0; g < rows.groups(); ++g) {
            const auto [first, last] = rows.columns(g);
            rows.scales[0](r, g) = quantize_one(quantizer, std::span<const float>(rows.w.row(r)).subspan(first, last - first),
                                                rows.codes[0].row(r).subspan(first, last - first), kernels);
        }
}

/// The same by one that asks for moments.
template <MomentQuantizer Quantizer>
void quantize_rows(const Quantizer& quantizer, RowsInWork<Quantizer::planes>& rows, const PreparedMoments& moments, const Kernels& kernels) {
    quantizer.quantize(rows, moments, kernels);
}
/// The damping of the feedback that a quantizer, or one inside it, asks for; 0: none does.
template <class Quantizer>
double feedback_damping_of(const Quantizer& quantizer) {
    if constexpr (requires { quantizer.feedback_damping(); })
        return quantizer.feedback_damping();
    else
        return 0;
}

}  // namespace bitnet::inline BITNET_ABI::quantizer
