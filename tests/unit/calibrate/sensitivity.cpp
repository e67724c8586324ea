#include <bitnet/calibrate/sensitivity.hpp>

#include <doctest/doctest.h>

#include <bitnet/calibrate/quantizer/coordinate_descent.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>

#include "../train/models.hpp"

using namespace bitnet;

TEST_CASE("each matrix costs what its ways to be stored cost, the others untouched, and more bytes cost less") {
    Network<float> original = bitnet_test::small_network();
    const auto before = original.parameters()[1].value.values();
    const auto texts = bitnet_test::counting_texts(20);
    const CalibrationSet set = CalibrationSet::from_ids(texts, {.tokens = 16});
    const std::vector<MatrixQuantizer> ways{matrix_quantizer(Compressor{quantizer::CoordinateDescent<>{}, scale::PerTensor{}}),
                                            matrix_quantizer(Compressor{quantizer::CoordinateDescent<quantizer::Gptq<quantizer::TritPlanes<2>>>{}})};
    const auto wanted = [](const Parameter<float>& one) { return becomes_ternary(one, preservation::ByRole{}); };
    std::size_t told = 0;
    const auto found = measure_sensitivity(original, set, texts, ways, wanted, {}, execution(), [&](const Sensitivity&) { ++told; });
    REQUIRE(found.size() == 7);
    CHECK(told == 7);
    double one = 0, two = 0;
    for (const Sensitivity& matrix : found) {
        REQUIRE(matrix.options.size() == 2);
        CHECK(matrix.options[0].bytes < matrix.options[1].bytes);
        CHECK(matrix.options[1].loss >= 0);
        one += matrix.options[0].loss;
        two += matrix.options[1].loss;
    }
    CHECK(two < 0.5 * one);
    const auto rotated = measure_sensitivity(original, set, texts, ways, wanted, {.rotate = true}, execution());
    CHECK(rotated[0].options[0].bytes == found[0].options[0].bytes);
    CHECK(rotated[0].options[0].loss != found[0].options[0].loss);
    CHECK(original.parameters()[1].value.values() == before);
}
