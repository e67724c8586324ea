#include <bitnet/train/replace_linears.hpp>

#include <bitnet/compress.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/nn/cross_entropy.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace bitnet;

namespace {

using Phase = Compressor<quantizer::AbsMean, sparsity::Fixed>;

/// 128 -> 256 -> 128 -> 10 with ReLU between, weights as torch begins a linear layer: uniform in ±1/sqrt(inputs).
struct Perceptron {
    std::vector<ReplaceableLinear<Phase>> layers{};
    std::vector<Matrix<float>> results{};  ///< of each layer, behind its ReLU

    Perceptron() {
        const std::size_t widths[] = {128, 256, 128, 10};
        const char* const names[] = {"layers.0", "layers.2", "output"};
        Random random(7);
        for (std::size_t i = 0; i < 3; ++i) {
            const float reach = 1 / std::sqrt(static_cast<float>(widths[i]));
            Linear<float> dense{Matrix<float>(widths[i + 1], widths[i]), std::vector<float>(widths[i + 1])};
            const auto fill = [&](std::span<float> values) {
                for (float& value : values) value = reach * static_cast<float>(2 * random.uniform() - 1);
            };
            for (std::size_t r = 0; r < widths[i + 1]; ++r) fill(dense.weight.row(r));
            fill(dense.bias);
            layers.push_back({names[i], TensorRole::feed_forward, std::move(dense)});
        }
    }
    const Matrix<float>& forward(const Matrix<float>& x) {
        results.clear();
        for (auto& layer : layers) {
            const Matrix<float>& in = results.empty() ? x : results.back();
            Matrix<float> y(x.rows(), layer.outputs());
            layer.forward(in, y);
            for (std::size_t t = 0; t < y.rows() && &layer != &layers.back(); ++t)
                for (float& value : y.row(t)) value = std::max(value, 0.0f);
            results.push_back(std::move(y));
        }
        return results.back();
    }
    void backward(Matrix<float> dy) {
        for (std::size_t i = layers.size(); i-- > 0;) {
            BitLinear<Phase>& layer = std::get<1>(layers[i].layer);
            Matrix<float> dx(dy.rows(), layer.inputs());
            layer.backward(dy, dx);
            for (std::size_t t = 0; t < dx.rows() && i > 0; ++t)
                for (std::size_t c = 0; c < dx.cols(); ++c)
                    if (results[i - 1](t, c) == 0) dx(t, c) = 0;
            dy = std::move(dx);
        }
    }
};

Matrix<float> some_inputs() {
    Random random(11);
    Matrix<float> x(8, 128);
    for (std::size_t t = 0; t < 8; ++t)
        for (float& value : x.row(t)) value = random.normal();
    return x;
}

}  // namespace

TEST_CASE("three of three linear layers are replaced, and the model still gives finite results of the same shape") {
    Perceptron model;
    const Matrix<float> x = some_inputs(), before = model.forward(x);
    const Replacement done = replace_linears(std::span(model.layers), Phase{});
    CHECK(done.linears == 3);
    CHECK(done.replaced == 3);
    CHECK(done.remaining() == 0);
    for (const auto& layer : model.layers) CHECK(layer.replaced());
    const Matrix<float>& after = model.forward(x);
    CHECK(after.rows() == 8);
    CHECK(after.cols() == 10);
    for (const float value : after.values()) CHECK(is_finite(value));
    CHECK(after.values() != before.values());
    CHECK(replace_linears(std::span(model.layers), Phase{}).replaced == 3);  // nothing is left to do
    CHECK(model.forward(x).values() == after.values());
}

TEST_CASE("what the preservation policy keeps is not replaced") {
    using Careful = Compressor<preservation::ByPattern>;
    std::vector<ReplaceableLinear<Careful>> layers;
    for (const char* const name : {"layers.0", "output"}) layers.push_back({name, TensorRole::feed_forward, Linear<float>{Matrix<float>(2, 4), {}}});
    layers.push_back({"norm", TensorRole::norm, Linear<float>{Matrix<float>(2, 4), {}}});
    const Replacement done = replace_linears(std::span(layers), Careful{preservation::ByPattern{.keep = "output"}});
    CHECK(done.linears == 3);
    CHECK(done.remaining() == 2);
    CHECK(layers[0].replaced());
    CHECK_FALSE(layers[1].replaced());
    CHECK_FALSE(layers[2].replaced());
}

TEST_CASE("all six tensors get gradients, and their largest magnitudes are those of a model that does not explode") {
    Perceptron model;
    replace_linears(std::span(model.layers), Phase{});
    const Matrix<float>& logits = model.forward(some_inputs());
    Matrix<float> slopes(8, 10);
    double loss = 0;
    std::vector<float> work(10);
    for (std::uint32_t t = 0; t < 8; ++t)
        loss += cross_entropy_backward<float>(logits.row(t), t, 1.0f / 8, slopes.row(t), work, *execution().kernels) / 8;
    CHECK(loss == doctest::Approx(std::log(10.0)).epsilon(0.1));  // nothing has been learned yet
    model.backward(slopes);

    struct Largest {
        std::string name;
        float magnitude;
    };
    std::vector<Largest> list;
    const auto note = [&](std::string name, std::span<const float> gradient) {
        float most = 0;
        for (const float value : gradient) {
            REQUIRE(is_finite(value));
            most = std::max(most, std::fabs(value));
        }
        list.push_back({std::move(name), most});
    };
    for (const auto& one : model.layers) {
        const auto& layer = std::get<1>(one.layer);
        note(one.name + ".weight", layer.weight_gradient());
        note(one.name + ".bias", layer.bias_gradient());
    }
    REQUIRE(list.size() == 6);
    std::ranges::sort(list, std::greater{}, &Largest::magnitude);
    for (const Largest& one : list) {
        INFO(one.name);
        CHECK(one.magnitude > 1e-5f);
        CHECK(one.magnitude < 1);
    }
    CHECK(list.front().name == "output.bias");
    CHECK(list.front().magnitude == doctest::Approx(0.12).epsilon(0.3));
}
