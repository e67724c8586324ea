/// Scales that suit given codes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/compress/rows_in_work.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Σ code·x, in 16 lanes.
inline double dot(std::span<const float> codes, std::span<const float> x) noexcept {
    constexpr std::size_t lanes = 16;
    std::array<float, lanes> sums{};
    std::size_t c = 0;
    for (; c + lanes <= codes.size(); c += lanes)
        for (std::size_t i = 0; i < lanes; ++i) sums[i] += codes[c + i] * x[c + i];
    for (std::size_t i = 0; c < codes.size(); ++c, ++i) sums[i] += codes[c] * x[c];
    double sum = 0;
    for (const float lane : sums) sum += static_cast<double>(lane);
    return sum;
}

/// Adds to one scale, or to the offset where p is no plane, and keeps image and pull up to date.  product: b·M
template <std::size_t Planes>
void move_level(RowsInWork<Planes>& rows, std::size_t p, std::size_t g, std::size_t r, double by, std::span<const float> product, std::span<float> image,
                std::span<float> pull) {
    float& level = p < Planes ? rows.scales[p](r, g) : rows.offsets(r, g);
    const float fitted = static_cast<float>(static_cast<double>(level) + by), change = fitted - level;
    level = fitted;
    if (p < Planes && fitted < 0) {
        const auto [first, last] = rows.columns(g);
        level = -fitted;
        for (std::int8_t& code : rows.codes[p].row(r).subspan(first, last - first)) code = static_cast<std::int8_t>(-code);
    }
    rows.image(r, g, image);
    for (std::size_t c = 0; c < pull.size(); ++c) pull[c] -= change * product[c];
}

}  // namespace detail

/// Moves each scale to where it is best given all codes and the other scales, one after the other: with b the codes of one
/// plane and group in their places, else 0,
///
///     s += (w - ŵ)·M·bᵀ / b·M·bᵀ
///
/// so that (w - ŵ)·M·(w - ŵ)ᵀ never rises. Where a scale would fall below 0 its codes change their signs instead; one whose codes
/// are all 0 stays. Offsets, where they move too, are scales of any sign whose codes are all 1. planes·C² multiplications and
/// additions a row, and C² more for offsets.
///
/// metric: M, (C, C) symmetric    images: ŵ, (B, C), in and out    pull: (w - ŵ)·M, (B, C), in and out
template <std::size_t Planes>
void fit_scales(RowsInWork<Planes>& rows, bool offsets, MatrixView<const float> metric, MatrixView<float> images, MatrixView<float> pull) {
    const std::size_t count = rows.rows(), groups = rows.groups();
    Matrix<float> products(count, rows.cols());
    std::vector<double> along(count), across(count);
    for (std::size_t k = 0; k < (Planes + (offsets ? 1 : 0)) * groups; ++k) {
        const std::size_t p = k / groups, g = k % groups;
        const std::size_t first = rows.columns(g).first, width = rows.columns(g).second - first;
        rows.each_block([&](std::size_t begin, std::size_t end) {
            Matrix<float> codes(end - begin, width);
            for (std::size_t r = begin; r < end; ++r)
                if (p < Planes)
                    std::ranges::copy(rows.codes[p].row(r).subspan(first, width), codes.row(r - begin).begin());
                else
                    std::ranges::fill(codes.row(r - begin), 1.0f);
            matmul_nn<float>(codes, metric.row_range(first, width), products.view().row_range(begin, end - begin));
            for (std::size_t r = begin; r < end; ++r) {
                along[r] = detail::dot(codes.row(r - begin), pull.row(r).subspan(first, width));
                across[r] = detail::dot(codes.row(r - begin), products.row(r).subspan(first, width));
            }
        });
        if (rows.shared)
            for (std::vector<double>* const sums : {&along, &across}) {
                double sum = 0;
                for (const double of_row : *sums) sum += of_row;
                std::ranges::fill(*sums, sum);
            }
        rows.each_block([&](std::size_t begin, std::size_t end) {
            for (std::size_t r = begin; r < end; ++r)
                if (across[r] > 0) detail::move_level(rows, p, g, r, along[r] / across[r], products.row(r), images.row(r), pull.row(r));
        });
    }
}

}  // namespace bitnet::inline BITNET_ABI
