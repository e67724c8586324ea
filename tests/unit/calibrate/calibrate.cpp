#include <bitnet/calibrate/calibrate.hpp>

#include <limits>
#include <map>

#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/train/evaluate.hpp>

#include "../train/models.hpp"

#include <doctest/doctest.h>

using namespace bitnet;
using bitnet_test::counting_texts;
using bitnet_test::small_network;

namespace {

struct OnlyDown {
    static constexpr Role role = Role::preservation;
    static constexpr std::string_view name = "only_down";
    Treatment treatment(const TensorInfo& tensor) const {
        return tensor.name.find("down_proj") != std::string_view::npos ? Treatment::ternary : Treatment::fp32;
    }
    bool operator==(const OnlyDown&) const = default;
};

/// What was made of a matrix is what the network multiplies with.
void check_image(const Network<float>& network, const std::string& name, const MadePlanes& made, std::size_t r) {
    const TernaryPlanes& planes = made.at(name);
    std::vector<float> row(planes.cols());
    planes.dequantize_row(r, row);
    CHECK(std::ranges::equal(row, network.parameters()[network.parameters().find(name)].value.row(r)));
}

}  // namespace

TEST_CASE("every matrix becomes ternary in the order of the forward pass, with what the original does as its aim, for any threads") {
    const auto texts = counting_texts(40);
    const CalibrationSet set = CalibrationSet::from_ids(texts, {.tokens = 16});
    const Compressor compressor{quantizer::CoordinateDescent<>{}, scale::PerChannel{}};
    std::map<Target, double> divergence;
    for (const Target target : {Target::own, Target::original, Target::stream}) {
        Network<float> original = small_network(), network = small_network(), again = small_network();
        std::vector<std::string> names;
        const MadePlanes made = calibrate(network, original, set, compressor, {.target = target}, {execution().kernels, 1}, [&](const CalibratedMatrix& matrix) {
            names.push_back(matrix.name);
            CHECK(matrix.output_error > 0);
            CHECK(matrix.output_error < 0.2);
            CHECK(matrix.output_error < matrix.plain_error);
            CHECK(matrix.tokens > 400);
        });
        REQUIRE(names.size() == 7);
        REQUIRE(made.size() == 7);
        for (const std::string& name : names) check_image(network, name, made, 1);
        CHECK(names[0].find("q_proj") != std::string::npos);
        CHECK(names[3].find("o_proj") != std::string::npos);
        CHECK(names[6].find("down_proj") != std::string::npos);
        calibrate(again, original, set, compressor, {.target = target}, {execution().kernels, 2});
        for (std::size_t i = 0; i < network.parameters().size(); ++i)
            CHECK(network.parameters()[i].value.values() == again.parameters()[i].value.values());
        divergence[target] = std::abs(std::log(evaluate(network, texts, {16, 16}, 1).perplexity() / evaluate(original, texts, {16, 16}, 1).perplexity()));
    }
    CHECK(divergence.at(Target::own) < 1);
}

TEST_CASE("what the preservation policy keeps stays as it was, though its inputs have changed") {
    Network<float> original = small_network(), network = small_network();
    std::size_t count = 0;
    calibrate(network, original, CalibrationSet::from_ids(counting_texts(20), {.tokens = 16}), Compressor{quantizer::Gptq<>{}, OnlyDown{}}, {}, execution(),
              [&](const CalibratedMatrix&) { ++count; });
    CHECK(count == 1);
    for (std::size_t i = 0; i < network.parameters().size(); ++i) {
        const bool same = network.parameters()[i].value.values() == original.parameters()[i].value.values();
        CHECK(same == (network.parameters()[i].spec.name.find("down_proj") == std::string::npos));
    }
}

TEST_CASE("no text, a text that does not fit and another network are refused, and an input that is not finite names its matrix") {
    Network<float> original = small_network(), network = small_network();
    const Compressor compressor{quantizer::Gptq<>{}};
    const auto refusal = [&](const std::vector<std::vector<std::uint32_t>>& texts) -> std::string {
        try {
            calibrate(network, original, CalibrationSet::from_samples(texts), compressor, {}, execution());
        } catch (const error& problem) {
            return problem.what();
        }
        return "none";
    };
    CHECK(refusal({}) == "there is no text to calibrate with");
    CHECK(refusal({{1, 20}}).find("20") != std::string::npos);
    CHECK(refusal({std::vector<std::uint32_t>(33, 1)}).find("33") != std::string::npos);
    std::size_t norm = 0;
    while (network.parameters()[norm].spec.role != TensorRole::norm) ++norm;
    network.parameters()[norm].value(0, 3) = std::numeric_limits<float>::quiet_NaN();
    CHECK(refusal({{1, 2, 3}}) == "model.layers.0.self_attn.q_proj.weight: its input 3 is not finite on the calibration text");
    original.parameters()[1].value = Matrix<float>(3, 3);
    const std::string name = network.parameters()[1].spec.name;
    CHECK(refusal({{1, 2, 3}}).starts_with(name + ": the original network has none of shape "));
}

TEST_CASE("in a rotated basis the packed planes stand for the same weights, and less is lost of inputs that are of unlike size") {
    Network<float> original = small_network(), network = small_network();
    const CalibrationSet set = CalibrationSet::from_ids(counting_texts(40), {.tokens = 16});
    const MadePlanes made = calibrate(network, original, set, Compressor{quantizer::CoordinateDescent<>{}}, {.rotate = true}, execution(),
                                      [&](const CalibratedMatrix& matrix) { CHECK(matrix.output_error < 0.2); });
    REQUIRE(made.size() == 7);
    for (const auto& [name, planes] : made) {
        CHECK(planes.rotation.block == Rotation::block_for(planes.cols()));
        check_image(network, name, made, 0);
    }
}
