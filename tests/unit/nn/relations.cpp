#include <bitnet/nn/relations.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <support/gradient.hpp>

using bitnet::execution;
using bitnet::Matrix;
using bitnet::MatrixView;
using bitnet::relations_backward;
using namespace bitnet_test;

namespace {

/// Row t of R(A), as the formula reads.
std::vector<double> relations_of(MatrixView<const double> a, std::size_t t) {
    std::vector<double> out(a.rows);
    double sum = 0;
    for (std::size_t s = 0; s < a.rows; ++s) {
        double product = 0;
        for (std::size_t c = 0; c < a.cols; ++c) product += a(t, c) * a(s, c);
        sum += out[s] = std::exp(product / std::sqrt(static_cast<double>(a.cols)));
    }
    for (double& value : out) value /= sum;
    return out;
}

}  // namespace

TEST_CASE("the loss of relations is the KL divergence of their rows, a mean over heads") {
    const Matrix<double> teacher = normal_matrix(7, 3 * 4, 1), student = normal_matrix(7, 3 * 2, 2);
    double expected = 0;
    for (std::size_t head = 0; head < 3; ++head)
        for (std::size_t t = 0; t < 7; ++t) {
            const auto p = relations_of(teacher.view().col_range(4 * head, 4), t), q = relations_of(student.view().col_range(2 * head, 2), t);
            for (std::size_t s = 0; s < 7; ++s) expected += p[s] * std::log(p[s] / q[s]) / 3;
        }
    Matrix<double> ignored(7, 6), threaded(7, 6);
    CHECK(relations_backward<double>(teacher, student, 3, 1, ignored, execution(1)) == doctest::Approx(expected).epsilon(1e-12));
    CHECK(relations_backward<double>(teacher, student, 3, 1, threaded, execution(3)) == doctest::Approx(expected).epsilon(1e-12));
    CHECK(ignored.values() == threaded.values());
}

TEST_CASE("the slope of the loss of relations is that of central differences, and is added") {
    const Matrix<double> teacher = normal_matrix(6, 2 * 3, 3);
    Matrix<double> student = normal_matrix(6, 2 * 5, 4), slope(6, 10);
    relations_backward<double>(teacher, student, 2, 1.5, slope, execution(2));
    CHECK(gradient_error(student, slope, [&] {
        Matrix<double> ignored(6, 10);
        return 1.5 * relations_backward<double>(teacher, student, 2, 1.5, ignored, execution(2));
    }) < 1e-8);
    Matrix<double> twice = slope;
    relations_backward<double>(teacher, student, 2, 1.5, twice, execution(2));
    for (std::size_t i = 0; i < slope.values().size(); ++i) CHECK(twice.values()[i] == doctest::Approx(2 * slope.values()[i]));
}

TEST_CASE("a student whose tokens relate as its teacher's do learns nothing from it") {
    const Matrix<double> same = normal_matrix(5, 8, 5);
    Matrix<double> slope(5, 8);
    CHECK(std::fabs(relations_backward<double>(same, same, 2, 1, slope, execution(1))) < 1e-12);
    for (const double value : slope.values()) CHECK(std::fabs(value) < 1e-12);
}
