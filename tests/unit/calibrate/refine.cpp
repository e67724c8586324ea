#include <bitnet/calibrate/refine.hpp>

#include <doctest/doctest.h>

#include <bitnet/calibrate/calibrate.hpp>
#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>
#include <bitnet/train/evaluate.hpp>

#include "../train/models.hpp"

using namespace bitnet;
using bitnet_test::counting_texts;
using bitnet_test::small_network;

namespace {

/// The first layer of a small network made ternary by rounding, with the stream that it is given and the original's last hidden states.
struct RefinedLayer {
    Network<float> original = small_network(0, 5, 2), network = small_network(0, 5, 2);
    Batch batch = CalibrationSet::from_ids(counting_texts(8), {.tokens = 16, .batch = 8}).batches().at(0);
    Matrix<float> given{batch.ids.size(), network.config().hidden_size}, wanted{batch.ids.size(), network.config().hidden_size};
    std::vector<MadeMatrix> made{};

    template <class Compressor>
    explicit RefinedLayer(const Compressor& compressor) {
        const Tape<float> tape(network.config(), batch.ids.size(), Keep::inputs);
        original.forward(batch, tape, wanted, 1);
        copy_rows<float>(tape.stream(0, given.rows()), given, 1);
        for (std::size_t i = 0; i < network.parameters().size(); ++i) {
            Parameter<float>& one = network.parameters()[i];
            if (!becomes_ternary(one, compressor.preservation()) || one.spec.name.find("layers.0.") == std::string::npos) continue;
            made.push_back({i, {}});
            compressor.compress_into(made.back().planes, TensorView{one.spec.name, DType::F32, Shape{one.value.rows(), one.value.cols()},
                                                               std::as_bytes(std::span<const float>(one.value.values()))});
            put_image(made.back().planes, one.value, execution());
        }
    }
    std::vector<double> losses(const RefineOptions& options, std::size_t steps, unsigned threads) {
        std::vector<MadeMatrix*> all;
        for (MadeMatrix& one : made) all.push_back(&one);
        Refinement refinement(network, original, std::size_t{0}, all, options, batch.ids.size(), steps, {execution().kernels, threads});
        std::vector<double> out;
        for (std::size_t i = 0; i < steps; ++i) out.push_back(refinement.step(batch, given, wanted));
        refinement.finish();
        return out;
    }
};

}  // namespace

TEST_CASE("scales and norms move to where the network predicts more of what the original does, codes stay, for any threads and any planes") {
    const auto check = [](const auto& compressor) {
        RefinedLayer one(compressor), other(compressor);
        const std::vector<MadeMatrix> before = one.made;
        const auto losses = one.losses({.rate = 0.02f}, 60, 1);
        CHECK(losses.back() < 0.8 * losses.front());
        CHECK(other.losses({.rate = 0.02f}, 60, 2) == losses);
        for (std::size_t i = 0; i < before.size(); ++i)
            for (std::size_t p = 0; p < before[i].planes.planes.size(); ++p) {
                const TernaryTensor& plane = one.made[i].planes.planes[p];
                CHECK(plane.codes == before[i].planes.planes[p].codes);
                CHECK(plane.scales != before[i].planes.planes[p].scales);
                for (const float scale : plane.scales) CHECK(scale == scale::stored(scale, plane.scale_type));
            }
        std::vector<float> row(one.made[0].planes.cols());
        one.made[0].planes.dequantize_row(1, row);
        CHECK(std::ranges::equal(row, std::as_const(one.network.parameters()[one.made[0].parameter].value).row(1)));
    };
    check(Compressor{scale::PerChannel{}});
    check(Compressor{scale::PerTensor{}});
    check(Compressor{quantizer::TritPlanes<2>{}, scale::PerGroup<8>{}});
}

TEST_CASE("norms stay where they are not to move, and what other layers have is not touched") {
    RefinedLayer layer(Compressor{});
    const auto values = [&] {
        std::vector<std::vector<float>> out;
        for (const Parameter<float>& one : layer.network.parameters())
            if (one.spec.role != TensorRole::attention && one.value.rows() == 1) out.push_back(one.value.values());
        return out;
    };
    const auto before = values();
    layer.losses({.norms = false}, 5, 1);
    CHECK(values() == before);
    layer.losses({.norms = true}, 5, 1);
    CHECK(values() != before);
    for (std::size_t i = 0; i < layer.network.parameters().size(); ++i) {
        const Parameter<float>& one = layer.network.parameters()[i];
        if (one.spec.name.find("layers.0.") == std::string::npos) CHECK(one.value.values() == layer.original.parameters()[i].value.values());
    }
}

TEST_CASE("refinement inside calibration lowers the divergence from the original") {
    const auto texts = counting_texts(40);
    const CalibrationSet set = CalibrationSet::from_ids(texts, {.tokens = 16, .batch = 10});
    Network<float> original = small_network(0, 5, 2), plain = small_network(0, 5, 2), refined = small_network(0, 5, 2);
    const Compressor compressor{quantizer::CoordinateDescent<>{}, scale::PerChannel{}};
    calibrate(plain, original, set, compressor, {}, execution());
    calibrate(refined, original, set, compressor, {.refine = {.passes = 20}}, execution());
    CHECK(evaluate(refined, texts, {16, 16}, 1, &original).mean_divergence() < evaluate(plain, texts, {16, 16}, 1, &original).mean_divergence());
}

TEST_CASE("all layers together come closer to the original than one after the other, with tables that learn too, for any threads") {
    const auto texts = counting_texts(40);
    const CalibrationSet set = CalibrationSet::from_ids(texts, {.tokens = 16, .batch = 10});
    const Compressor compressor{quantizer::CoordinateDescent<>{}, scale::PerChannel{}};
    const auto refined = [&](const RefineOptions& options, unsigned threads) {
        Network<float> original = small_network(0, 5, 2), network = small_network(0, 5, 2);
        const MadePlanes made = calibrate(network, original, set, compressor, {.refine = options}, {execution().kernels, threads});
        const bool kept = original.parameters()[0].spec.role == TensorRole::token_embedding && network.parameters()[0].value.values() == original.parameters()[0].value.values();
        CHECK(kept == (options.together == 0));
        for (const auto& [name, planes] : made) {
            Matrix<float> image(planes.rows(), planes.cols());
            put_image(planes, image, execution());
            CHECK(image.values() == network.parameters()[network.parameters().find(name)].value.values());
        }
        return evaluate(network, texts, {16, 16}, 1, &original).mean_divergence();
    };
    const double apart = refined({.passes = 10}, 1), both = refined({.passes = 10, .together = 10}, 1);
    CHECK(both < 0.9 * apart);
    CHECK(refined({.passes = 10, .together = 10}, 2) == both);
    CHECK(refined({.together = 10}, 1) < refined({}, 1));
}

TEST_CASE("who looks is told of every step of refinement, and may end it") {
    const CalibrationSet set = CalibrationSet::from_ids(counting_texts(40), {.tokens = 16, .batch = 10});
    Network<float> original = small_network(0, 5, 2), network = small_network(0, 5, 2);
    std::vector<double> shares;
    CalibrationOptions options{.refining = [&](double share) { shares.push_back(share); }, .refine = {.passes = 2, .together = 3}};
    calibrate(network, original, set, Compressor{quantizer::CoordinateDescent<>{}}, options, execution());
    CHECK(shares.size() == (2 + 2 + 3) * set.batches().size());
    CHECK(std::ranges::count(shares, 1.0) == 3);
    struct Enough {};
    options.refining = [](double share) {
        if (share > 0.5) throw Enough{};
    };
    network = small_network(0, 5, 2);
    CHECK_THROWS_AS(calibrate(network, original, set, Compressor{quantizer::CoordinateDescent<>{}}, options, execution()), Enough);
}

TEST_CASE("what was not to learn learns again afterwards, and no gradients are left") {
    RefinedLayer layer(Compressor{});
    layer.network.parameters()[0].learns = false;
    layer.losses({}, 2, 1);
    for (std::size_t i = 0; i < layer.network.parameters().size(); ++i) {
        CHECK(layer.network.parameters()[i].learns == (i != 0));
        CHECK(layer.network.parameters()[i].gradient.rows() == 0);
    }
}
