/// How far a student's prediction is from its teacher's.
#pragma once

#include <cstddef>
#include <span>

#include <bitnet/nn/softmax.hpp>

namespace bitnet::inline BITNET_ABI {

/// KL(p ‖ q) in natural units, p = softmax(teacher), q = softmax(student).  teacher, student: V logits; work: V
template <class T>
double kl_divergence(std::span<const T> teacher, std::span<const T> student, std::span<T> work, const Kernels& kernels) {
    const std::size_t count = teacher.size();
    const std::span<T> p = work.first(count);
    const double of_student = softmax<T>(student, p, kernels).log_sum(), of_teacher = softmax<T>(teacher, p, kernels).log_sum();
    const double along = lane_sum<double>(count, [&](std::size_t i) { return static_cast<double>(p[i] * (teacher[i] - student[i])); });
    return along - of_teacher + of_student;
}

/// Knowledge distillation of one token, and its gradient for the student:
///
///     L = τ²·KL(p ‖ q), p = softmax(teacher/τ), q = softmax(student/τ)        dstudent += weight·τ·(q - p)
///
/// teacher, student: V logits    dstudent: V    work: 2·V, holds whatever it likes    τ > 0
/// Source  Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", section 2
template <class T>
double kl_divergence_backward(std::span<const T> teacher, std::span<const T> student, T temperature, T weight,
                              std::span<T> dstudent, std::span<T> work, const Kernels& kernels) {
    const std::size_t count = teacher.size();
    const std::span<T> p = work.first(count), q = work.subspan(count, count);
    const T cold = 1 / temperature, slope = weight * temperature;
    for (std::size_t i = 0; i < count; ++i) p[i] = teacher[i] * cold;
    for (std::size_t i = 0; i < count; ++i) q[i] = student[i] * cold;
    const double of_teacher = softmax<T>(p, p, kernels).log_sum();
    const double along =
        lane_sum<double>(count, [&](std::size_t i) { return static_cast<double>(p[i] * (teacher[i] - student[i])); });
    const double of_student = softmax<T>(q, q, kernels).log_sum();
    for (std::size_t i = 0; i < count; ++i) dstudent[i] += slope * (q[i] - p[i]);
    const double tau = static_cast<double>(temperature);
    return tau * tau * (along / tau - of_teacher + of_student);
}

}  // namespace bitnet::inline BITNET_ABI
