/// Codes and scales of rows, region by region.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/compress/policy_set.hpp>
#include <bitnet/compress/region.hpp>
#include <bitnet/compress/rows_in_work.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Codes of one region, in as many planes as the quantizer makes; their levels.
///
/// Errors  errc::bad_policy for a scale, an offset or a code that a policy must not return
template <class Quantizer>
Levels<planes_of<Quantizer>> quantize_one(const Quantizer& quantizer, std::span<const float> w,
                                          const std::array<std::span<std::int8_t>, planes_of<Quantizer>>& codes, const Kernels& kernels) {
    if constexpr (OffsetQuantizer<Quantizer> || PlanesQuantizer<Quantizer>) {
        Levels<planes_of<Quantizer>> levels;
        if constexpr (OffsetQuantizer<Quantizer>)
            levels = quantizer.fit_levels(w, codes, kernels);
        else
            levels.scales = quantizer.fit_planes(w, codes, kernels);
        for (std::size_t p = 0; p < codes.size(); ++p) levels.scales[p] = checked_region(Quantizer::name, levels.scales[p], codes[p]);
        if (!is_finite(levels.offset)) throw error(errc::bad_policy, message(Quantizer::name, " returned the offset ", levels.offset, "; offsets are finite"));
        return levels;
    } else if constexpr (CodeQuantizer<Quantizer>) {
        return {{quantize_region(quantizer, w, codes[0])}};
    } else {
        std::vector<float> scratch(w.size());
        double mean = 0;
        for (const float x : w) mean += std::abs(static_cast<double>(x));
        const Grid grid = fit_grid(quantizer, default_sparsity<Quantizer>{}, w, mean / static_cast<double>(w.size()), kernels, scratch);
        kernels.codes(w.data(), w.size(), grid.keep, codes[0].data());
        return {{grid.alpha}};
    }
}

/// Codes and scales of rows by a quantizer that sees one region at a time.
template <class Quantizer>
void fill_rows(const Quantizer& quantizer, RowsInWork<planes_of<Quantizer>>& rows, const Kernels& kernels) {
    constexpr std::size_t planes = planes_of<Quantizer>;
    std::array<std::span<std::int8_t>, planes> codes;
    if (rows.shared) {  // one region
        for (std::size_t p = 0; p < planes; ++p) codes[p] = {rows.codes[p].data(), rows.rows() * rows.cols()};
        const Levels<planes> levels = quantize_one(quantizer, rows.w.values(), codes, kernels);
        for (std::size_t r = 0; r < rows.rows(); ++r) rows.set_levels(r, 0, levels);
        return;
    }
    for (std::size_t r = 0; r < rows.rows(); ++r)
        for (std::size_t g = 0; g < rows.groups(); ++g) {
            const auto [first, last] = rows.columns(g);
            for (std::size_t p = 0; p < planes; ++p) codes[p] = rows.codes[p].row(r).subspan(first, last - first);
            const std::span<const float> w = std::span<const float>(rows.w.row(r)).subspan(first, last - first);
            rows.set_levels(r, g, quantize_one(quantizer, w, codes, kernels));
        }
}

}  // namespace bitnet::inline BITNET_ABI::quantizer
