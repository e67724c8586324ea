#include <bitnet/nn/kl_divergence.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <support/gradient.hpp>

using bitnet::Matrix;
using namespace bitnet_test;

namespace {

/// As the formula reads.
double plain(const Matrix<double>& teacher, const Matrix<double>& student, double tau) {
    double teacher_sum = 0, student_sum = 0, out = 0;
    for (std::size_t i = 0; i < teacher.cols(); ++i) {
        teacher_sum += std::exp(teacher(0, i) / tau);
        student_sum += std::exp(student(0, i) / tau);
    }
    for (std::size_t i = 0; i < teacher.cols(); ++i) {
        const double p = std::exp(teacher(0, i) / tau) / teacher_sum, q = std::exp(student(0, i) / tau) / student_sum;
        out += p * std::log(p / q);
    }
    return tau * tau * out;
}

}  // namespace

TEST_CASE("the divergence of a student from its teacher is the formula, and so is its gradient") {
    const Matrix<double> teacher = normal_matrix(1, 19, 1);
    Matrix<double> student = normal_matrix(1, 19, 2), work(1, 38);
    for (const double tau : {1.0, 2.0, 0.5}) {
        Matrix<double> gradient(1, 19);
        const double loss =
            bitnet::kl_divergence_backward<double>(teacher.row(0), student.row(0), tau, 3.0, gradient.row(0), work.row(0), *bitnet::execution().kernels);
        CHECK(loss == doctest::Approx(plain(teacher, student, tau)).epsilon(1e-12));
        CHECK(gradient_error(student, gradient, [&] { return 3 * plain(teacher, student, tau); }) < 1e-8);
    }
}

TEST_CASE("a student that says what its teacher says has no loss, however large the logits") {
    const Matrix<float> logits(1, 3, {500, -500, 499});
    Matrix<float> gradient(1, 3), work(1, 6);
    CHECK(bitnet::kl_divergence_backward<float>(logits.row(0), logits.row(0), 1, 1, gradient.row(0), work.row(0), *bitnet::execution().kernels) ==
          doctest::Approx(0));
    CHECK(gradient.values() == std::vector<float>(3));
}
