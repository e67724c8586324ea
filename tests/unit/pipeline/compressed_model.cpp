#include <bitnet/pipeline/compressed_model.hpp>

#include <bitnet/compress.hpp>
#include <bitnet/compress/stats.hpp>
#include <bitnet/core/rng.hpp>
#include <bitnet/gate/gradient_flow.hpp>
#include <bitnet/nn/linear.hpp>
#include <bitnet/train/model_stats.hpp>

#include "../train/models.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

using namespace bitnet;

namespace {

/// A model of one's own: 128 -> 256 -> 128 -> 10 with ReLU between, 66,816 weights and their biases.
class SmallPerceptron {
public:
    SmallPerceptron() {
        const std::size_t widths[] = {128, 256, 128, 10};
        const char* const names[] = {"layers.0", "layers.2", "output"};
        Random random(3);
        for (std::size_t i = 0; i < 3; ++i) {
            const std::size_t in = widths[i], out = widths[i + 1];
            const float reach = 1 / std::sqrt(static_cast<float>(in));
            Matrix<float> weight(out, in), bias(1, out);
            for (std::size_t r = 0; r < out; ++r)
                for (float& value : weight.row(r)) value = reach * static_cast<float>(2 * random.uniform() - 1);
            for (float& value : bias.row(0)) value = reach * static_cast<float>(2 * random.uniform() - 1);
            parameters_.add({.spec = {std::string(names[i]) + ".weight", TensorRole::feed_forward, {out, in}, ""}, .value = std::move(weight)});
            parameters_.add({.spec = {std::string(names[i]) + ".bias", TensorRole::bias, {out}, ""}, .value = std::move(bias)});
        }
    }
    Parameters<float>& parameters() { return parameters_; }
    const Parameters<float>& parameters() const { return parameters_; }
    Matrix<float> forward(Matrix<float> x) const {
        for (std::size_t i = 0; i < parameters_.size(); i += 2) {
            Matrix<float> y(x.rows(), parameters_[i].value.rows());
            multiply_nt<float>(x.view(), parameters_[i].value.view(), y, 1);
            add_bias<float>(parameters_[i + 1].value.row(0), y.view());
            for (std::size_t t = 0; t < y.rows() && i + 2 < parameters_.size(); ++t)
                for (float& value : y.row(t)) value = std::max(value, 0.0f);
            x = std::move(y);
        }
        return x;
    }

private:
    Parameters<float> parameters_{};
};

const auto absmean = Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.1f}, pack::Int8{}};

Matrix<float> perceptron_inputs() {
    Random random(5);
    Matrix<float> x(8, 128);
    for (std::size_t t = 0; t < 8; ++t)
        for (float& value : x.row(t)) value = random.normal();
    return x;
}

}  // namespace

TEST_CASE("weights become codes of -1, 0 and 1 alone, as many of one sign as of the other, with scales near the mean magnitude") {
    const CompressedModel compressed(SmallPerceptron{}, absmean);
    std::array<std::uint64_t, 3> count{};
    std::size_t matrices = 0;
    for (const auto& [name, weight] : compressed.quantized_state_dict()) {
        const auto* const planes = std::get_if<TernaryPlanes>(&weight);
        CHECK((planes != nullptr) == name.ends_with(".weight"));
        if (planes == nullptr) continue;
        ++matrices;
        std::vector<std::int8_t> codes(planes->cols());
        for (std::size_t r = 0; r < planes->rows(); ++r) {
            planes->planes.at(0).codes_of_row(r, codes);
            for (const std::int8_t code : codes) {
                REQUIRE(std::abs(code) <= 1);
                ++count[static_cast<std::size_t>(code + 1)];
            }
        }
    }
    CHECK(matrices == 3);
    CHECK(count[0] + count[1] + count[2] == 66816);
    const auto share = [&](std::size_t i) { return static_cast<double>(count[i]) / 66816; };
    CHECK(std::abs(share(0) - share(2)) < 0.01);
    CHECK(share(1) == doctest::Approx(0.05).epsilon(0.1));  // of a uniform density, a tenth of its mean is a twentieth of its reach
    CHECK(compressed.stats().sparsity_ratio() == doctest::Approx(share(1)));

    const auto scales = compressed.scale_factors();
    CHECK(scales.size() == 3);
    CHECK(scales.at("layers.0.weight").size() == 256);
    CHECK(scales.at("output.weight").size() == 10);
    for (const float scale : scales.at("layers.0.weight")) {
        CHECK(scale > 0.8f * 0.5f / std::sqrt(128.0f));
        CHECK(scale < 1.2f * 0.5f / std::sqrt(128.0f));
    }
}

TEST_CASE("codes of a byte each make a model 3.9 times smaller, and packed ones go beyond") {
    const CompressedModel bytes(SmallPerceptron{}, absmean);
    const CompressionStats& stats = bytes.stats();
    CHECK(stats.layers_quantized() == 3);
    CHECK(stats.layers_preserved() == 3);
    CHECK(stats.total_params() == 66816 + 394);
    CHECK(stats.quantized_params() == 66816);
    CHECK(stats.original_bytes == 4 * (66816 + 394));
    CHECK(stats.quantized_bytes == 66816 + 2 * 394 + 2 * 394);  // codes, scales, biases
    CHECK(stats.dequantized_bytes == 2 * (66816 + 394));
    CHECK(stats.compression_ratio() == doctest::Approx(3.93).epsilon(0.001));
    CHECK(stats.compression_ratio() == doctest::Approx(calculate_compression_ratio(calculate_model_size_mb(SmallPerceptron{}.parameters()),
                                                                                   to_mb(stats.quantized_bytes))));
    CHECK(count_parameters(bytes.model().parameters()).trainable == stats.total_params());
    CHECK(CompressedModel(SmallPerceptron{}, Compressor{quantizer::AbsMean{}, pack::Trit2{}}).stats().compression_ratio() > 14);
}

TEST_CASE("a compressed model runs with its images, finite and of the same shape") {
    CompressedModel compressed(SmallPerceptron{}, absmean);
    const Matrix<float> y = compressed.forward(perceptron_inputs()), before = SmallPerceptron{}.forward(perceptron_inputs());
    CHECK(y.rows() == 8);
    CHECK(y.cols() == 10);
    for (const float value : y.values()) CHECK(is_finite(value));
    CHECK(y.values() != before.values());
    for (const Parameter<float>& one : compressed.model().parameters()) {
        const AnyWeight& stored = compressed.quantized_state_dict().at(one.spec.name);
        if (const auto* const planes = std::get_if<TernaryPlanes>(&stored)) {
            Matrix<float> image(one.value.rows(), one.value.cols());
            put_image(*planes, image, execution());
            CHECK(image.values() == one.value.values());
        } else {
            const auto& halves = std::get<HalfMatrix>(stored);
            for (std::size_t c = 0; c < one.value.cols(); ++c) CHECK(to_float(Half{halves.bits(0, c)}) == one.value(0, c));
        }
    }
}

TEST_CASE("the dequantized tensors are FP16, and compressing them once more gives the same codes") {
    const Compressor compressor{quantizer::AbsMean{}};
    const CompressedModel compressed(SmallPerceptron{}, compressor);
    SmallPerceptron again;
    const StateDict dense = compressed.dequantized_state_dict();
    CHECK(dense.size() == 6);
    for (Parameter<float>& one : again.parameters()) {
        const auto& halves = std::get<HalfMatrix>(dense.at(one.spec.name));
        CHECK(halves.dtype == DType::F16);
        std::ranges::transform(halves.bits.values(), one.value.data(), [](std::uint16_t bits) { return to_float(Half{bits}); });
    }
    const CompressedModel twice(again, compressor);
    for (const auto& [name, weight] : compressed.quantized_state_dict())
        if (const auto* const planes = std::get_if<TernaryPlanes>(&weight)) CHECK(*planes == std::get<TernaryPlanes>(twice.quantized_state_dict().at(name)));
}

TEST_CASE("tensors are kept as the preservation policy says, wider where 16 bits do not hold a weight") {
    const auto kept = [](Treatment precision, float weight) {
        SmallPerceptron model;
        model.parameters()[1].value(0, 7) = weight;
        return CompressedModel(std::move(model), Compressor{preservation::ByPattern{.keep = "*", .precision = precision}});
    };
    const auto half = kept(Treatment::bf16, 1.00390625f);
    CHECK(std::get<HalfMatrix>(half.quantized_state_dict().at("layers.0.bias")).dtype == DType::BF16);
    CHECK(half.model().parameters()[1].value(0, 7) == 1.0f);
    CHECK(half.stats().compression_ratio() == 2);
    CHECK(half.scale_factors().empty());

    const auto wide = kept(Treatment::fp16, 1e6f);
    CHECK(std::get<Matrix<float>>(wide.quantized_state_dict().at("layers.0.bias"))(0, 7) == 1e6f);
    CHECK(std::holds_alternative<Matrix<float>>(wide.dequantized_state_dict().at("layers.0.bias")));
    CHECK(wide.stats().tensors[1].treatment == Treatment::fp32);
    CHECK(wide.stats().tensors[1].note == "kept as F32: a weight is beyond 16 bits");
    CHECK(wide.stats().dequantized_bytes == 2 * (66816 + 394) + 2 * 256);

    const auto bytes = kept(Treatment::int8_rows, 0);
    const CompressionStats& stats = bytes.stats();
    CHECK(stats.tensors[0].stored_bytes == 256 * (128 + 4));
    const auto& rows = std::get<Matrix<float>>(bytes.quantized_state_dict().at("layers.0.weight"));
    CHECK(rows.values() == bytes.model().parameters()[0].value.values());
    std::set<float> levels(rows.row(9).begin(), rows.row(9).end());
    CHECK(levels.size() > 50);
    for (const float value : levels) {
        const float steps = value / (std::max(-*levels.begin(), *levels.rbegin()) / 127);
        CHECK(steps == doctest::Approx(std::round(steps)).epsilon(1e-4));
    }
}

TEST_CASE("a network becomes a compressed model, and gradients flow through every tensor of it") {
    CompressedModel compressed(bitnet_test::small_network(), Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}});
    CHECK(compressed.stats().layers_quantized() == 7);
    const GradientFlow flow = gradient_flow(compressed.model().config(), compressed.model().parameters(), {}, 1);
    CHECK(flow.error() == "");
    CHECK(flow.tensors.size() == compressed.model().parameters().size());
    const auto largest = std::ranges::max_element(flow.tensors, {}, &GradientOfTensor::largest);
    CHECK(largest->largest > 0);
    CHECK(largest->largest < 100);

    Batch batch;
    batch.add(bitnet_test::counting_texts(1)[0]);
    const Tape<float> tape(compressed.model().config(), batch.ids.size(), Keep::nothing);
    Matrix<float> hidden(batch.ids.size(), 16);
    compressed.forward(batch, tape, hidden.view(), 1u);
    for (const float value : hidden.values()) CHECK(is_finite(value));
}

TEST_CASE("a weight that is not finite is refused by tensor and index, be it ternary or kept") {
    for (const std::size_t tensor : {std::size_t{0}, std::size_t{1}}) {
        SmallPerceptron model;
        model.parameters()[tensor].value(0, 7) = std::numeric_limits<float>::quiet_NaN();
        const std::string where = tensor == 0 ? "layers.0.weight: nan at flat index 7 of shape (256, 128)" : "layers.0.bias: nan at flat index 7 of shape (256)";
        CHECK_THROWS_WITH_AS(CompressedModel(model, absmean), where.c_str(), error);
    }
}
