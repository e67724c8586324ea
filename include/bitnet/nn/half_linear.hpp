/// A linear layer over 16-bit floating-point weights.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/half_matrix.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/work_count.hpp>
#include <bitnet/kernel/kernels.hpp>
#include <bitnet/nn/linear.hpp>

namespace bitnet::inline BITNET_ABI {

/// y = x·Wᵀ + b. The matrix is never widened as a whole: for a few tokens its 16 bits are read as they are, for many some
/// rows at a time are widened into cache for BLAS.
///
/// x: (T, C)    W: (O, C)    b: (O) or none    y: (T, O)
struct HalfLinear {
    HalfMatrix weight{};
    std::vector<float> bias{};

    std::size_t inputs() const { return weight.bits.cols(); }
    std::size_t outputs() const { return weight.bits.rows(); }
    /// What a product reads of it.
    std::size_t weight_bytes() const { return weight.bits.values().size() * sizeof(std::uint16_t); }

    void forward(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        if (x.rows <= tokens_without_blas)
            multiply_halves(x, y, run);
        else
            multiply_widened(x, y, run);
        add_bias<float>(bias, y);
    }
    /// Row r of the weight, widened.  out: C floats
    void weight_row(std::size_t r, std::span<float> out, Execution run) const {
        const auto widen = weight.dtype == DType::BF16 ? run.kernels->widen_bf16 : run.kernels->widen_f16;
        widen(std::as_bytes(weight.bits.row(r)).data(), out.data(), inputs());
    }

private:
    /// Up to here every token reads the weights anew, two at a time.
    static constexpr std::size_t tokens_without_blas = 4;

    void multiply_halves(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        count_products(x.rows, outputs(), inputs());
        Matrix<float> dense_x;  // where rows do not follow each other
        if (x.rows > 1 && x.stride != x.cols) {
            dense_x = Matrix<float>(x.rows, x.cols);
            for (std::size_t t = 0; t < x.rows; ++t) std::ranges::copy(x.row(t), dense_x.row(t).begin());
            x = dense_x;
        }
        const auto product = weight.dtype == DType::BF16 ? run.kernels->half_product_bf16 : run.kernels->half_product_f16;
        parallel_for(outputs(), balanced_piece(outputs(), 16, run.threads), run.threads, [&](std::size_t begin, std::size_t end) {
            product(weight.bits.data(), inputs(), begin, end, x.data, x.rows, y.data, y.stride);
        });
    }

    void multiply_widened(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        const std::size_t outputs_per_tile = std::clamp<std::size_t>((std::size_t{1} << 16) / inputs(), 1, 256);
        parallel_for(outputs(), outputs_per_tile, run.threads, [&](std::size_t begin, std::size_t end) {
            const Scratch<float> rows(end - begin, inputs());
            for (std::size_t o = begin; o < end; ++o) weight_row(o, rows.view().row(o - begin), run);
            matmul_nt<float>(x, rows.view(), y.col_range(begin, end - begin));
        });
    }
};

}  // namespace bitnet::inline BITNET_ABI
