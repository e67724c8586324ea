/// How a student's tokens relate to each other, beside how its teacher's do.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/backend/blas.hpp>
#include <bitnet/core/matrix.hpp>
#include <bitnet/core/parallel_for.hpp>
#include <bitnet/nn/kl_divergence.hpp>

namespace bitnet::inline BITNET_ABI {

/// Distillation of the relations among the tokens of one text, head by head, and its gradient for the student:
///
///     R(A) = softmax(A·Aᵀ / √d), row by row        L = 1/heads · Σ_heads Σ_t KL(R(teacher)_t ‖ R(student)_t)
///     dA = weight/(heads·√d) · (D + Dᵀ)·A,  D = R(student) - R(teacher)
///
/// teacher: (T, heads·d), student, dstudent: (T, heads·e); dA is added to dstudent. A is what a layer has as queries, as
/// keys or as values.
/// Source  Wang et al. 2021, "MiniLMv2: Multi-Head Self-Attention Relation Distillation for Compressing Pretrained
///         Transformers", section 3.1; for ternary students Wu et al. 2025, "BitNet Distillation"
template <class T>
double relations_backward(MatrixView<const T> teacher, MatrixView<const T> student, std::size_t heads, T weight,
                          MatrixView<T> dstudent, Execution run) {
    const std::size_t tokens = student.rows, d = teacher.cols / heads, e = student.cols / heads;
    std::vector<double> losses(heads);
    parallel_for(heads, 1, run.threads, [&](std::size_t head, std::size_t) {
        const MatrixView<const T> wanted = teacher.col_range(head * d, d), is = student.col_range(head * e, e);
        const MatrixView<T> back = dstudent.col_range(head * e, e);
        const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(e)));
        const Scratch<T> p(tokens, tokens), q(tokens, tokens);
        Matrix<T> slopes(tokens, tokens);
        std::vector<T> work(2 * tokens);
        matmul_nt(wanted, wanted, p.view(), static_cast<T>(1 / std::sqrt(static_cast<double>(d))));
        matmul_nt(is, is, q.view(), scale);
        for (std::size_t t = 0; t < tokens; ++t)
            losses[head] += kl_divergence_backward<T>(p.view().row(t), q.view().row(t), T(1), weight / static_cast<T>(heads), slopes.row(t),
                                                      work, *run.kernels);
        matmul_nn<T>(slopes, is, back, scale, T(1));
        matmul_tn<T>(slopes, is, back, scale, T(1));
    });
    double sum = 0;
    for (const double loss : losses) sum += loss;
    return sum / static_cast<double>(heads);
}

}  // namespace bitnet::inline BITNET_ABI
