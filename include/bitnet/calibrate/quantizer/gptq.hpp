/// Error feedback: what rounding a weight spoils, the weights behind it make good.
#pragma once

#include <algorithm>
#include <cstddef>

#include <bitnet/calibrate/input_moments.hpp>
#include <bitnet/calibrate/quantizer/start.hpp>
#include <bitnet/policy/quantizer/least_squares.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::quantizer {

/// Scales from another quantizer, codes one column after the other, each from what the rounding of those before it has left:
///
///     ŵ_j = the level nearest to v_j        v_k -= (v_j - ŵ_j)·U_jk / U_jj  for k > j        v = w at first
///
/// Shapes  some rows of (O, C) with H: (C, C) of their inputs -> codes and scales; C²/2 multiplications and additions a row
/// Knobs   damping in [1e-8, 10]: of H before it is inverted, in units of its mean diagonal
/// Source  Frantar et al. 2023, "GPTQ", section 3 and algorithm 1; more damping than there suits ternary levels better
template <class Inner = LeastSquares>
struct Gptq {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "gptq";
    static constexpr std::size_t planes = planes_of<Inner>;
    static constexpr bool has_offset = quantizer::has_offset<Inner>;
    float damping = 0.1f;
    Inner inner{};
    static constexpr void knobs(auto&& visit) { visit(Knob{"damping", &Gptq::damping, 1e-8f, 10.0f}, Nested{"inner", &Gptq::inner}); }

    double feedback_damping() const noexcept { return static_cast<double>(damping); }
    void quantize(RowsInWork<planes>& rows, const PreparedMoments& moments, const Kernels& kernels) const {
        quantize_rows(inner, rows, moments, kernels);
        Matrix<float> left = rows.w;
        rows.each_block([&](std::size_t first, std::size_t last) { feed_back(rows, first, moments.feedback, left.view().row_range(first, last - first)); });
    }
    bool operator==(const Gptq&) const = default;

private:
    static constexpr std::size_t columns_at_once = 128;

    /// Rows first, first + 1, ...; left: of these.
    static void feed_back(RowsInWork<planes>& rows, std::size_t first, const Matrix<float>& feedback, MatrixView<float> left) {
        const std::size_t cols = rows.cols();
        Matrix<float> spoiled(left.rows, columns_at_once);
        for (std::size_t begin = 0; begin < cols; begin += columns_at_once) {
            const std::size_t end = std::min(cols, begin + columns_at_once);
            const MatrixView<float> errors = spoiled.view().col_range(0, end - begin);
            for (std::size_t r = 0; r < left.rows; ++r) feed_back(rows, first + r, begin, end, feedback, left.row(r), errors.row(r));
            matmul_nn<float>(errors, feedback.view().row_range(begin, end - begin).col_range(end, cols - end), left.col_range(end, cols - end), -1, 1);
        }
    }
    /// Columns begin ... end - 1 of one row; errors: what each was rounded by.
    static void feed_back(RowsInWork<planes>& rows, std::size_t r, std::size_t begin, std::size_t end, const Matrix<float>& feedback,
                          std::span<float> left, std::span<float> errors) {
        for (std::size_t j = begin; j < end; ++j) {
            const float error = left[j] - rows.put(r, j, rows.levels_of(r, j / rows.group), left[j]);
            errors[j - begin] = error;
            const float* const slope = feedback.row(j).data();
            for (std::size_t k = j + 1; k < end; ++k) left[k] -= error * slope[k];
        }
    }
};

}  // namespace bitnet::inline BITNET_ABI::quantizer
