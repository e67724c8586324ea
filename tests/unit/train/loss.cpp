#include <bitnet/train/loss.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include <bitnet/model/random_model.hpp>

#include <support/gradient.hpp>
#include <support/temp_dir.hpp>

using bitnet::Batch;
using bitnet::LossShares;
using bitnet::LossWork;
using bitnet::Matrix;
using bitnet::Network;
using namespace bitnet_test;

namespace {

/// Matrices twenty times as large as usual: a model of small ones is nearly linear.
Network<double> network_of(const bitnet::RandomModel& model) {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", model);
    const bitnet::ModelWeights weights(dir / "model");
    bitnet::Parameters<double> parameters = bitnet::read_parameters<double>(weights, bitnet::execution());
    for (auto& one : parameters)
        for (double& value : one.values()) value *= one.spec.role == bitnet::TensorRole::norm ? 1 : 20;
    parameters.zero_gradients();
    return {weights.config(), std::move(parameters)};
}
/// For what stands behind the layers: a head of 7 tokens over states of 6 numbers.
Network<double> head_only(std::uint64_t seed) {
    return network_of({.vocab_size = 7, .hidden_size = 6, .intermediate_size = 4, .layers = 1, .heads = 1, .kv_heads = 1, .seed = seed});
}
/// Two layers of two query heads over one.
Network<double> two_layers(std::uint64_t seed) {
    return network_of({.vocab_size = 12, .hidden_size = 8, .intermediate_size = 6, .layers = 2, .heads = 2, .kv_heads = 1, .seed = seed});
}

}  // namespace

TEST_CASE("the loss of relations reaches every weight before the last layer's values, with the slope of central differences") {
    Network<double> teacher = two_layers(1), student = two_layers(2);
    Batch batch;
    batch.add(std::vector<std::uint32_t>{1, 2, 6, 11, 5});
    batch.add(std::vector<std::uint32_t>{0, 3, 3});
    const bitnet::Tape<double> of_teacher(teacher.config(), 8, bitnet::Keep::nothing), tape(student.config(), 8, bitnet::Keep::inputs);
    Matrix<double> hidden(8, 8), back(8, 8);
    teacher.forward(batch, of_teacher, hidden, 1);
    const bitnet::MatrixView<double> wanted = of_teacher.layer(1).qkv.rows(8);
    double value = 0;
    const auto add = [&](bitnet::MatrixView<const double> qkv, bitnet::MatrixView<double> dqkv) {
        value = bitnet::relations_loss<double>(batch, qkv, dqkv, student.config(), wanted, teacher.config(), 0.5, 1, bitnet::execution(2));
    };
    const auto loss = [&] {
        Matrix<double> ignored(8, 16);
        student.forward(batch, tape, hidden, 1);
        add(tape.layer(1).qkv.rows(8), ignored);
        return value;
    };
    const double before = loss();
    CHECK(before > 1e-3);
    student.backward(batch, tape, back, 2, add);
    CHECK(value == before);
    std::size_t reached = 0;
    for (bitnet::Parameter<double>& one : student.parameters()) {
        CAPTURE(one.spec.name);
        const Matrix<double> gradient = one.gradient;
        double largest = 0;
        for (const double slope : gradient.values()) largest = std::max(largest, std::fabs(slope));
        if (largest == 0) continue;
        ++reached;
        CHECK(gradient_error(one.value, gradient, loss) < 1e-6);
    }
    CHECK(reached == 1 + 9 + 4);  // the table, the first layer, and norm, queries, keys and values of the second
}

TEST_CASE("the gradient of every loss at the hidden states and at the head is that of central differences") {
    Network<double> teacher = head_only(1), student = head_only(2);
    Matrix<double> hidden = normal_matrix(5, 6, 1), back(5, 6), ignored(5, 6);
    const Matrix<double> teacher_hidden = normal_matrix(5, 6, 2);
    Batch batch;
    batch.add(std::vector<std::uint32_t>{1, 2, 6});
    batch.add(std::vector<std::uint32_t>{0, 3});
    LossWork<double> work(7);
    for (const LossShares& shares : {LossShares{.targets = 1, .distillation = 0}, LossShares{}, LossShares{.temperature = 2},
                                     LossShares{.targets = 0.5f, .distillation = 2, .hidden = 0.25f}}) {
        student.parameters().zero_gradients();
        const auto loss = [&](bitnet::MatrixView<double> to) {
            return bitnet::head_loss<double>(student, hidden, &teacher, teacher_hidden, batch, shares, 0.125, work, to, 2);
        };
        const bitnet::Loss value = loss(back);
        CHECK(value.tokens == 5);
        bitnet::Parameter<double>& head = student.parameters()[0];
        const Matrix<double> slope = head.gradient;
        CHECK(gradient_error(hidden, back, [&] { return 0.125 * loss(ignored).sum; }) < 1e-7);
        CHECK(gradient_error(head.value, slope, [&] { return 0.125 * loss(ignored).sum; }) < 1e-7);
    }
}

TEST_CASE("without a teacher the loss is the mean cross entropy of the tokens that have a next one") {
    Network<double> student = head_only(2);
    const Matrix<double> hidden = normal_matrix(3, 6, 1);
    Matrix<double> back(3, 6), logits(3, 7);
    Batch batch;
    batch.add(std::vector<std::uint32_t>{1, 2, 6});
    LossWork<double> work(7);
    const bitnet::Loss loss = bitnet::head_loss<double>(student, hidden, nullptr, {}, batch, {.targets = 1}, 1, work, back, 1);
    student.logits(hidden, logits, 1);
    CHECK(loss.tokens == 2);
    CHECK(loss.mean() == doctest::Approx((bitnet::cross_entropy<double>(logits.row(0), 2) + bitnet::cross_entropy<double>(logits.row(1), 6)) / 2));
    for (const double value : back.row(2)) CHECK(value == 0);
}
