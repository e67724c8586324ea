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

}  // namespace detail

/// Moves each scale to where it is best given all codes and the other scales, one after the other: with b the codes of one
/// plane and group in their places, else 0,
///
///     s += (w - ŵ)·M·bᵀ / b·M·bᵀ
///
/// so that (w - ŵ)·M·(w - ŵ)ᵀ never rises. Where a scale would fall below 0 its codes change their signs instead; one whose codes
/// are all 0 stays. planes·C² multiplications and additions a row.
///
/// metric: M, (C, C) symmetric    images: ŵ, (B, C), in and out    pull: (w - ŵ)·M, (B, C), in and out
template <std::size_t Planes>
void fit_scales(RowsInWork<Planes>& rows, MatrixView<const float> metric, MatrixView<float> images, MatrixView<float> pull) {
    const std::size_t count = rows.rows(), groups = rows.groups();
    Matrix<float> products(count, rows.cols());
    std::vector<double> along(count), across(count);
    for (std::size_t k = 0; k < Planes * groups; ++k) {
        const std::size_t p = k / groups, g = k % groups;
        const std::size_t first = rows.columns(g).first, width = rows.columns(g).second - first;
        Matrix<float> codes(count, width);
        for (std::size_t r = 0; r < count; ++r) std::ranges::copy(rows.codes[p].row(r).subspan(first, width), codes.row(r).begin());
        matmul_nn<float>(codes, metric.row_range(first, width), products);
        for (std::size_t r = 0; r < count; ++r) {
            along[r] = detail::dot(codes.row(r), pull.row(r).subspan(first, width));
            across[r] = detail::dot(codes.row(r), products.row(r).subspan(first, width));
        }
        if (rows.shared)
            for (std::vector<double>* const sums : {&along, &across}) {
                double sum = 0;
                for (const double of_row : *sums) sum += of_row;
                std::ranges::fill(*sums, sum);
            }
        for (std::size_t r = 0; r < count; ++r) {
            if (across[r] <= 0) continue;
            float& scale = rows.scales[p](r, g);
            const float fitted = static_cast<float>(static_cast<double>(scale) + along[r] / across[r]), change = fitted - scale;
            scale = std::abs(fitted);
            if (fitted < 0)
                for (std::int8_t& code : rows.codes[p].row(r).subspan(first, width)) code = static_cast<std::int8_t>(-code);
            rows.image(r, g, images.row(r));
            const std::span<const float> product = products.row(r);
            const std::span<float> pulls = pull.row(r);
            for (std::size_t c = 0; c < rows.cols(); ++c) pulls[c] -= change * product[c];
        }
    }
}

}  // namespace bitnet::inline BITNET_ABI
