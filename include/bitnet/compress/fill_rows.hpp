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
#include <bitnet/policy/concepts.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

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

/// Codes and scales of rows by a quantizer that sees one region at a time.
template <class Quantizer>
    requires(!PlanesQuantizer<Quantizer>)
void fill_rows(const Quantizer& quantizer, RowsInWork<1>& rows, const Kernels& kernels) {
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

template <PlanesQuantizer Quantizer>
void fill_rows(const Quantizer& quantizer, RowsInWork<Quantizer::planes>& rows, const Kernels& kernels) {
    constexpr std::size_t planes = Quantizer::planes;
    std::array<std::span<std::int8_t>, planes> codes;
    if (rows.shared) {
        for (std::size_t p = 0; p < planes; ++p) codes[p] = {rows.codes[p].data(), rows.rows() * rows.cols()};
        const std::array<float, planes> scales = quantizer.fit_planes(rows.w.values(), codes, kernels);
        for (std::size_t r = 0; r < rows.rows(); ++r)
            for (std::size_t p = 0; p < planes; ++p) rows.scales[p](r, 0) = scales[p];
        return;
    }
    for (std::size_t r = 0; r < rows.rows(); ++r)
        for (std::size_t g = 0; g < rows.groups(); ++g) {
            const auto [first, last] = rows.columns(g);
            for (std::size_t p = 0; p < planes; ++p) codes[p] = rows.codes[p].row(r).subspan(first, last - first);
            const std::array<float, planes> scales =
                quantizer.fit_planes(std::span<const float>(rows.w.row(r)).subspan(first, last - first), codes, kernels);
            for (std::size_t p = 0; p < planes; ++p) rows.scales[p](r, g) = scales[p];
        }
}

}  // namespace bitnet::inline BITNET_ABI::quantizer
