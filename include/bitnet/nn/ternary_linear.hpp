/// A linear layer over packed ternary weights.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/compress/ternary_planes.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/core/rows.hpp>
#include <bitnet/core/work_count.hpp>
#include <bitnet/kernel/multiply.hpp>
#include <bitnet/nn/linear.hpp>

namespace bitnet::inline BITNET_ABI {

/// What the inputs of a linear layer of ternary weights are: as they come, or 8-bit integers, scaled token by token.
enum class ActivationPrecision { fp32, int8 };

/// y = x·Ŵᵀ + b, Ŵ = scale·code, or a sum of such, perhaps with offsets, perhaps in a rotated basis: x is rotated then. The matrix is
/// never unpacked as a whole: products read its bytes, or, for many tokens in float, a few of its rows at a time are unpacked into
/// cache for BLAS. What offsets add is a product with sums of x, which are never rounded.
///
/// x: (T, C)    Ŵ: (O, C)    b: (O) or none    y: (T, O)
struct TernaryLinear {
    TernaryPlanes weight{};
    std::vector<float> bias{};
    ActivationPrecision activations = ActivationPrecision::fp32;

    std::size_t inputs() const { return weight.cols(); }
    std::size_t outputs() const { return weight.rows(); }
    /// What a product reads of it, scales included.
    std::size_t weight_bytes() const {
        std::size_t sum = weight.offsets.size() * sizeof(float);
        for (const TernaryTensor& plane : weight.planes) sum += plane.codes.size() + plane.scales.size() * sizeof(float);
        return sum;
    }
    TernaryMatrix packed(std::size_t plane = 0) const {
        const TernaryTensor& one = weight.planes.at(plane);
        return {one.layout, outputs(), inputs(), one.group, one.whole_tensor, one.codes, one.scales};
    }

    void forward(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        Matrix<float> turned;
        if (weight.rotation) {
            turned = Matrix<float>(x.rows, x.cols);
            each_row(x.rows, run.threads, [&](std::size_t t) {
                std::ranges::copy(x.row(t), turned.row(t).begin());
                weight.rotation.apply(turned.row(t));
            });
            x = turned;
        }
        if (activations == ActivationPrecision::int8)
            multiply_packed<Int8Activations>(x, y, run);
        else if (x.rows <= tokens_without_blas)
            multiply_packed<FloatActivations>(x, y, run);
        else
            multiply_unpacked(x, y, run);
        add_bias<float>(bias, y);
    }

private:
    /// Up to here the kernels read packed bytes, beyond it BLAS gets unpacked rows. A guess: no bench compares them yet.
    static constexpr std::size_t tokens_without_blas = 4;

    template <class Activations>
    void multiply_packed(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        const std::size_t planes = weight.planes.size();
        count_products(x.rows * planes, outputs(), inputs());
        Matrix<float> dense_x, dense_y;  // where rows do not follow each other
        if (x.stride != x.cols) {
            dense_x = Matrix<float>(x.rows, x.cols);
            for (std::size_t t = 0; t < x.rows; ++t) std::ranges::copy(x.row(t), dense_x.row(t).begin());
            x = dense_x;
        }
        const bool apart = y.rows > 1 && y.stride != y.cols;
        if (apart) dense_y = Matrix<float>(y.rows, y.cols);
        const std::span<float> out(apart ? dense_y.data() : y.data, y.rows * y.cols);
        Activations ready;
        prepare(ready, std::span(x.data, x.rows * x.cols), packed(), *run.kernels);
        std::vector<float> more(planes > 1 ? out.size() : 0);
        parallel_for(outputs(), balanced_piece(outputs(), 16, run.threads), run.threads, [&](std::size_t begin, std::size_t end) {
            multiply(packed(), begin, end, ready, out, *run.kernels);
            for (std::size_t p = 1; p < planes; ++p) {
                multiply(packed(p), begin, end, ready, more, *run.kernels);
                for (std::size_t t = 0; t < x.rows; ++t)
                    for (std::size_t o = t * outputs() + begin; o < t * outputs() + end; ++o) out[o] += more[o];
            }
        });
        for (std::size_t t = 0; apart && t < y.rows; ++t) std::ranges::copy(dense_y.row(t), y.row(t).begin());
        if (!weight.offsets.empty()) add_offsets(x, y, run.threads);
    }

    /// y += Σ_g offset_g·Σx_g, x_g the inputs that meet group g.
    void add_offsets(MatrixView<const float> x, MatrixView<float> y, unsigned threads) const {
        const TernaryTensor& first = weight.planes[0];
        const std::size_t groups = first.groups_per_row();
        Matrix<float> sums(x.rows, groups);
        for (std::size_t t = 0; t < x.rows; ++t)
            for (std::size_t g = 0; g < groups; ++g)
                for (const float value : x.row(t).subspan(g * first.group, std::min(first.group, x.cols - g * first.group))) sums(t, g) += value;
        if (first.whole_tensor) {
            for (std::size_t t = 0; t < y.rows; ++t)
                for (float& value : y.row(t)) value += weight.offsets[0] * sums(t, 0);
            return;
        }
        const MatrixView<const float> offsets{weight.offsets.data(), outputs(), groups, groups};
        detail::each_tile(y.rows, y.cols, 512, threads, [&](std::size_t t, std::size_t tokens, std::size_t o, std::size_t count) {
            matmul_nt<float>(sums.view().row_range(t, tokens), offsets.row_range(o, count), y.row_range(t, tokens).col_range(o, count), 1, 1);
        });
    }

    void multiply_unpacked(MatrixView<const float> x, MatrixView<float> y, Execution run) const {
        const std::size_t cols = inputs();
        const std::size_t outputs_per_tile = std::clamp<std::size_t>((std::size_t{1} << 16) / cols, 1, 256);
        parallel_for(outputs(), outputs_per_tile, run.threads, [&](std::size_t begin, std::size_t end) {
            const Scratch<float> rows(end - begin, cols);
            for (std::size_t o = begin; o < end; ++o) weight.sum_of_row(o, rows.view().row(o - begin), run);
            matmul_nt<float>(x, rows.view(), y.col_range(begin, end - begin));
        });
    }
};

}  // namespace bitnet::inline BITNET_ABI
