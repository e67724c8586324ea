#include <bitnet/train/network.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <bitnet/model/random_model.hpp>
#include <bitnet/model/transformer.hpp>
#include <bitnet/nn/cross_entropy.hpp>

#include <support/gradient.hpp>
#include <support/temp_dir.hpp>

using bitnet::Batch;
using bitnet::execution;
using bitnet::Keep;
using bitnet::Matrix;
using bitnet::ModelWeights;
using bitnet::Network;
using bitnet::Tape;
using bitnet_test::TempDir;

namespace {

/// One of every kind of layer: grouped heads, biases, windows, sub-norms, tied and untied heads, each RoPE that matters.
std::vector<bitnet::RandomModel> models() {
    bitnet::RandomModel base;
    base.vocab_size = 40;
    base.hidden_size = 24;
    base.intermediate_size = 36;
    base.max_positions = 32;
    std::vector<bitnet::RandomModel> out;
    for (const std::string architecture : {"llama", "mistral", "qwen2", "gpt2", "bitnet"})
        for (const bool tied : {true, false}) {
            out.push_back(base);
            out.back().architecture = architecture;
            out.back().tied = tied || architecture == "gpt2";
            if (architecture == "llama" && !tied) out.back().keys = {{"attention_bias", true}, {"mlp_bias", true}};
            if (architecture == "mistral") out.back().keys = {{"sliding_window", 4}};
        }
    return out;
}

struct OneNetwork {
    TempDir dir{};
    ModelWeights weights;
    explicit OneNetwork(const bitnet::RandomModel& model) : weights((write_random_model(dir / "model", model), dir / "model")) {}

    /// Weights ten times as large as usual: a model of 0.02 is nearly linear, and its softmax nearly flat.
    template <class T>
    Network<T> network() const {
        bitnet::Parameters<T> parameters = bitnet::read_parameters<T>(weights, execution());
        for (bitnet::Parameter<T>& one : parameters)
            for (T& value : one.values())
                if (one.spec.role != bitnet::TensorRole::norm) value *= 10;
        parameters.zero_gradients();
        return {weights.config(), std::move(parameters)};
    }
};

Batch some_texts() {
    Batch out;
    out.add(std::vector<std::uint32_t>{3, 7, 1, 7, 39, 0, 12, 5, 9});
    out.add(std::vector<std::uint32_t>{8, 2});
    out.add(std::vector<std::uint32_t>{11, 30, 4, 4, 6});
    return out;
}

/// Σ cross entropy, and the gradients of everything when `learn`.
template <class T>
double loss_of(Network<T>& network, const Batch& batch, const Tape<T>& tape, bool learn, unsigned threads) {
    const std::size_t tokens = batch.ids.size(), vocabulary = network.vocabulary();
    Matrix<T> hidden(tokens, network.config().hidden_size), logits(tokens, vocabulary), slopes(tokens, vocabulary), work(1, vocabulary);
    network.forward(batch, tape, hidden, threads);
    network.logits(hidden, logits, threads);
    double loss = 0;
    for (std::size_t t = 0; t < tokens; ++t)
        if (batch.targets[t] != Batch::no_target)
            loss += bitnet::cross_entropy_backward<T>(logits.row(t), batch.targets[t], T(1), slopes.row(t), work.row(0), *bitnet::execution().kernels);
    if (!learn) return loss;
    Matrix<T> back(tokens, network.config().hidden_size);
    network.logits_backward(hidden, slopes, back, threads);
    network.backward(batch, tape, back, threads);
    return loss;
}

}  // namespace

TEST_CASE("a network gives the logits of the transformer that runs the same weights") {
    for (const bitnet::RandomModel& model : models()) {
        CAPTURE(model.architecture);
        const OneNetwork one(model);
        Network<float> network(one.weights.config(), bitnet::read_parameters<float>(one.weights, execution()));
        const bitnet::Transformer transformer(one.weights, bitnet::ActivationPrecision::fp32, execution());
        const Batch batch = some_texts();
        const Tape<float> tape(network.config(), 20, Keep::nothing);
        Matrix<float> hidden(batch.ids.size(), 24), logits(batch.ids.size(), 40);
        network.forward(batch, tape, hidden, 2);
        network.logits(hidden, logits, 2);
        for (std::size_t i = 0; i < batch.texts(); ++i) {
            auto cache = transformer.new_cache();
            const std::size_t count = batch.begins[i + 1] - batch.begins[i];
            const Matrix<float> expected = transformer.forward(std::span(batch.ids).subspan(batch.begins[i], count), cache, execution());
            Matrix<float> of_text(count, 40);
            transformer.logits(expected, of_text, execution());
            double worst = 0;
            for (std::size_t t = 0; t < count; ++t)
                for (std::size_t v = 0; v < 40; ++v)
                    worst = std::max(worst, std::abs(static_cast<double>(of_text(t, v) - logits(batch.begins[i] + t, v))));
            CHECK(worst < 1e-5);
        }
    }
}

TEST_CASE("a stage's input, its matrix and the stream that it adds to make the stream of the next one") {
    for (const bitnet::RandomModel& model : models()) {
        CAPTURE(model.architecture);
        Network<double> network = OneNetwork(model).network<double>();
        const Batch batch = some_texts();
        const std::size_t tokens = batch.ids.size();
        const Tape<double> tape(network.config(), tokens, Keep::nothing);
        const auto with_output = [&](bitnet::Stage stage, bitnet::MatrixView<const double>& stream) {
            const bitnet::MatrixView<const double> input = network.stage_input(0, stage, batch, tape, stream, 2);
            const std::size_t matrix = network.stage_parameters(0, stage).at(0);
            const bitnet::Parameter<double>& weight = network.parameters()[matrix];
            Matrix<double> out(tokens, weight.value.rows());
            bitnet::matmul_nt<double>(input, weight.value, out);
            std::string bias = weight.spec.name;
            bias.replace(bias.rfind("weight"), 6, "bias");
            const std::size_t place = network.parameters().find(bias);
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t c = 0; c < out.cols(); ++c)
                    out(t, c) += stream(t, c) + (place == bitnet::Parameters<double>::none ? 0 : network.parameters()[place].value(0, c));
            return out;
        };
        const auto check_same = [&](const Matrix<double>& a, bitnet::MatrixView<const double> b) {
            for (std::size_t t = 0; t < tokens; ++t)
                for (std::size_t c = 0; c < a.cols(); ++c) CHECK(a(t, c) == doctest::Approx(b(t, c)).epsilon(1e-12));
        };
        bitnet::MatrixView<const double> stream;
        network.begin(batch, tape);
        const bitnet::MatrixView<const double> normal = network.stage_input(0, bitnet::Stage::attention, batch, tape, stream, 2);
        CHECK(normal.cols == network.config().hidden_size);
        CHECK(stream.data == tape.stream(0, tokens).data);
        const Matrix<double> middle = with_output(bitnet::Stage::attention_output, stream);
        network.stage_input(0, bitnet::Stage::mlp, batch, tape, stream, 2);
        check_same(middle, stream);
        const Matrix<double> behind = with_output(bitnet::Stage::mlp_output, stream);
        network.run_layer(0, batch, tape, 2);
        check_same(behind, tape.stream(1, tokens));
    }
}

TEST_CASE("the gradient of every tensor of every architecture is that of central differences") {
    for (const bitnet::RandomModel& model : models()) {
        const OneNetwork one(model);
        Network<double> network = one.network<double>();
        const Batch batch = some_texts();
        const Tape<double> tape(network.config(), 20, Keep::everything);
        loss_of(network, batch, tape, true, 2);
        for (bitnet::Parameter<double>& parameter : network.parameters()) {
            CAPTURE(model.architecture);
            CAPTURE(parameter.spec.name);
            const std::span<double> values = parameter.values();
            const std::size_t step = values.size() / 23 + 1;
            double wrong = 0, all = 0;
            for (std::size_t i = 0; i < values.size(); i += step) {
                constexpr double h = 1e-5;
                const double kept = values[i];
                values[i] = kept + h;
                const double above = loss_of(network, batch, tape, false, 1);
                values[i] = kept - h;
                const double slope = (above - loss_of(network, batch, tape, false, 1)) / (2 * h);
                values[i] = kept;
                wrong += (slope - parameter.gradients()[i]) * (slope - parameter.gradients()[i]);
                all += slope * slope;
            }
            CHECK(wrong <= 1e-12 * all);
            CHECK((all > 0 || parameter.spec.name.ends_with("k_proj.bias")));  // softmax forgets what all keys share
        }
    }
}

TEST_CASE("gradients are the same bits for any number of threads, and whether activations are kept or computed again") {
    for (const bitnet::RandomModel& model : models()) {
        CAPTURE(model.architecture);
        const OneNetwork one(model);
        Batch batch;
        std::vector<std::uint32_t> text(30);
        for (std::size_t i = 0; i < 9; ++i) {
            for (std::size_t t = 0; t < text.size(); ++t) text[t] = static_cast<std::uint32_t>((t * t + 7 * i) % 40);
            batch.add(text);
        }
        Network<float> kept = one.network<float>(), again = one.network<float>();
        for (Network<float>* const network : {&kept, &again}) network->rounding = model.architecture == "bitnet" ? 1.0f : 0.0f;
        const double loss = loss_of(kept, batch, {kept.config(), 270, Keep::everything}, true, 1);
        CHECK(loss_of(again, batch, {kept.config(), 300, Keep::inputs}, true, 3) == loss);
        for (std::size_t i = 0; i < kept.parameters().size(); ++i)
            CHECK(kept.parameters()[i].gradient.values() == again.parameters()[i].gradient.values());
    }
}

TEST_CASE("activations kept in BF16 change no loss, and gradients by their rounding alone") {
    for (const bitnet::RandomModel& model : models()) {
        CAPTURE(model.architecture);
        const OneNetwork one(model);
        Network<float> exact = one.network<float>(), rounded = one.network<float>(), threaded = one.network<float>();
        const double loss = loss_of(exact, some_texts(), {exact.config(), 20, Keep::everything}, true, 1);
        CHECK(loss_of(rounded, some_texts(), {exact.config(), 20, Keep::rounded}, true, 1) == loss);
        loss_of(threaded, some_texts(), {exact.config(), 20, Keep::rounded}, true, 3);
        double wrong = 0, all = 0;
        for (std::size_t i = 0; i < exact.parameters().size(); ++i) {
            CHECK(rounded.parameters()[i].gradient.values() == threaded.parameters()[i].gradient.values());
            for (std::size_t j = 0; j < exact.parameters()[i].gradients().size(); ++j) {
                const double right = exact.parameters()[i].gradients()[j], difference = rounded.parameters()[i].gradients()[j] - right;
                wrong += difference * difference;
                all += right * right;
            }
        }
        CHECK(wrong > 0);
        CHECK(std::sqrt(wrong / all) < 0.01);
    }
}

TEST_CASE("gradients of batches add up, and texts of a batch do not see each other") {
    const OneNetwork one(models().front());
    const Batch all = some_texts();
    Network<double> together = one.network<double>(), apart = one.network<double>();
    const Tape<double> tape(together.config(), 20, Keep::everything);
    double sum = 0;
    for (std::size_t i = 0; i < all.texts(); ++i) {
        Batch alone;
        alone.add(std::span(all.ids).subspan(all.begins[i], all.begins[i + 1] - all.begins[i]));
        sum += loss_of(apart, alone, tape, true, 1);
    }
    CHECK(loss_of(together, all, tape, true, 1) == doctest::Approx(sum));
    for (std::size_t i = 0; i < together.parameters().size(); ++i)
        for (std::size_t j = 0; j < together.parameters()[i].gradients().size(); ++j)
            CHECK(together.parameters()[i].gradients()[j] == doctest::Approx(apart.parameters()[i].gradients()[j]).epsilon(1e-9));
}

TEST_CASE("a text longer than the positions, and an id beyond the vocabulary, are refused") {
    const OneNetwork one(models().front());
    Network<float> network = one.network<float>();
    const Tape<float> tape(network.config(), 64, Keep::nothing);
    Matrix<float> hidden(64, 24);
    Batch longer, beyond;
    longer.add(std::vector<std::uint32_t>(33, 1));
    beyond.add(std::vector<std::uint32_t>{1, 40});
    CHECK_THROWS_WITH_AS(network.forward(longer, tape, hidden.view().row_range(0, 33), 1),
                         "a text of 33 tokens is longer than the 32 positions of this model", bitnet::error);
    CHECK_THROWS_WITH_AS(network.forward(beyond, tape, hidden.view().row_range(0, 2), 1),
                         "token id 40 at position 1 is beyond the vocabulary of 40 tokens", bitnet::error);
}
