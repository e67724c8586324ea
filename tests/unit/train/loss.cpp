#include <bitnet/train/loss.hpp>

#include <doctest/doctest.h>

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

/// A model without layers: a head of 7 tokens over states of 6 numbers, twenty times as large as usual.
Network<double> head_only(std::uint64_t seed) {
    const TempDir dir;
    bitnet::write_random_model(dir / "model", {.vocab_size = 7, .hidden_size = 6, .intermediate_size = 4, .layers = 1, .heads = 1, .kv_heads = 1, .seed = seed});
    const bitnet::ModelWeights weights(dir / "model");
    bitnet::Parameters<double> parameters = bitnet::read_parameters<double>(weights, bitnet::execution());
    for (auto& one : parameters)
        for (double& value : one.values()) value *= 20;
    parameters.zero_gradients();
    return {weights.config(), std::move(parameters)};
}

}  // namespace

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
