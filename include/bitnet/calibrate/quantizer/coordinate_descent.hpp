/// Every code once more, given all others, until none changes.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <bitnet/calibrate/quantizer/gptq.hpp>
#include <bitnet/calibrate/scale_fit.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Begins with another quantizer's codes and scales, then goes over the columns again and again: each code becomes the best one
/// given all others, and after each pass each scale becomes the best one given all else. The output error
/// (w - ŵ)·M·(w - ŵ)ᵀ, M the moments' metric, falls in every step.
///
///     t_j = ŵ_j + R_j / M_jj        R = (w - ŵ)·M        ŵ_j = the level nearest to t_j
///
/// Shapes  some rows of (O, C) with H: (C, C) of their inputs -> codes and scales; 2·C² multiplications and additions a row and pass at most
/// Knobs   passes in [1, 1000], at most; it ends as soon as no code changes
/// Source  Behdin et al. 2023, "QuantEase", section 3, with levels whose scales move too
template <class Inner = Gptq<>>
struct CoordinateDescent {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "coordinate_descent";
    static constexpr std::size_t planes = planes_of<Inner>;
    static constexpr bool has_offset = quantizer::has_offset<Inner>;
    std::uint64_t passes = 20;
    Inner inner{};
    static constexpr void knobs(auto&& visit) {
        visit(Knob{"passes", &CoordinateDescent::passes, std::uint64_t{1}, std::uint64_t{1000}}, Nested{"inner", &CoordinateDescent::inner});
    }

    double feedback_damping() const { return feedback_damping_of(inner); }
    void quantize(RowsInWork<planes>& rows, const PreparedMoments& moments, const Kernels& kernels) const {
        quantize_rows(inner, rows, moments, kernels);
        const std::size_t count = rows.rows(), cols = rows.cols();
        Matrix<float> images(count, cols), pull(count, cols), difference = rows.w;
        rows.each_block([&](std::size_t first, std::size_t last) {
            for (std::size_t r = first; r < last; ++r) {
                rows.image(r, images.row(r));
                for (std::size_t c = 0; c < cols; ++c) difference(r, c) -= images(r, c);
            }
            matmul_nn<float>(difference.view().row_range(first, last - first), moments.metric, pull.view().row_range(first, last - first));
        });
        for (std::uint64_t pass = 0; pass < passes; ++pass) {
            std::atomic<std::size_t> changed = 0;
            rows.each_block([&](std::size_t first, std::size_t last) {
                changed += sweep(rows, first, moments.metric, images.view().row_range(first, last - first), pull.view().row_range(first, last - first));
            });
            if (changed == 0 && pass > 0) return;
            // Scales follow codes while many change; when few do, there is nothing to follow.
            if (pass == 0 || changed * scales_follow > count * cols) fit_scales<planes>(rows, has_offset, moments.metric, images, pull);
        }
    }
    bool operator==(const CoordinateDescent&) const = default;

private:
    static constexpr std::size_t columns_at_once = 128;
    static constexpr std::size_t scales_follow = 200;  ///< where more than one code in so many has changed

    /// Of rows first, first + 1, ...: how many codes have changed.  images, pull: of these
    static std::size_t sweep(RowsInWork<planes>& rows, std::size_t first, const Matrix<float>& metric, MatrixView<float> images, MatrixView<float> pull) {
        const std::size_t cols = rows.cols();
        Matrix<float> changes(images.rows, columns_at_once);
        std::size_t changed = 0;
        for (std::size_t begin = 0; begin < cols; begin += columns_at_once) {
            const std::size_t end = std::min(cols, begin + columns_at_once);
            std::size_t here = 0;
            for (std::size_t r = 0; r < images.rows; ++r)
                here += sweep_row(rows, first + r, begin, end, metric, images.row(r), pull.row(r), changes.row(r));
            bring_up_to_date(changes.view().col_range(0, end - begin), here, metric.view().row_range(begin, end - begin), pull);
            changed += here;
        }
        return changed;
    }
    /// pull -= changes·metric, by a product where many changed, else one after the other.
    static void bring_up_to_date(MatrixView<const float> changes, std::size_t changed, MatrixView<const float> metric, MatrixView<float> pull) {
        constexpr std::size_t few = 8;  // one of so many, or fewer
        if (changed * few > changes.rows * changes.cols) return matmul_nn<float>(changes, metric, pull, -1, 1);
        for (std::size_t r = 0; changed > 0 && r < changes.rows; ++r)
            for (std::size_t j = 0; j < changes.cols; ++j) {
                const float change = changes(r, j);
                if (change == 0) continue;
                const std::span<const float> row = metric.row(j);
                const std::span<float> out = pull.row(r);
                for (std::size_t c = 0; c < out.size(); ++c) out[c] -= change * row[c];
            }
    }
    /// Columns begin ... end - 1 of one row; changes: by how much each level moved. The row's pull is not brought up to date.
    static std::size_t sweep_row(RowsInWork<planes>& rows, std::size_t r, std::size_t begin, std::size_t end, const Matrix<float>& metric,
                          std::span<float> image, std::span<const float> pull, std::span<float> changes) {
        std::array<float, columns_at_once> local;
        std::copy(pull.begin() + static_cast<std::ptrdiff_t>(begin), pull.begin() + static_cast<std::ptrdiff_t>(end), local.begin());
        std::size_t changed = 0;
        for (std::size_t j = begin; j < end; ++j) {
            const float* const row = metric.row(j).data();
            const float level = rows.put(r, j, rows.levels_of(r, j / rows.group), image[j] + local[j - begin] / row[j]);
            const float change = changes[j - begin] = level - image[j];
            if (change == 0) continue;
            ++changed;
            image[j] = level;
            for (std::size_t k = begin; k < end; ++k) local[k - begin] -= change * row[k];
        }
        return changed;
    }
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
