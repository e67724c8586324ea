#include <bitnet/calibrate/activation_statistics.hpp>

#include <limits>

#include "../train/models.hpp"

#include <doctest/doctest.h>

using namespace bitnet;
using bitnet_test::counting_texts;
using bitnet_test::small_network;

TEST_CASE("statistics are those of all numbers together, however they came") {
    const ActivationStatistics none;
    CHECK(none.mean() == 0);
    CHECK(none.deviation() == 0);
    CHECK(none.largest() == 0);
    const Matrix<float> x(2, 3, {1, -4, 0, 2, 3, 4});
    const ActivationStatistics all = activation_statistics(x.view(), 1);
    CHECK(all.count == 6);
    CHECK(all.mean() == 1);
    CHECK(all.deviation() == doctest::Approx(std::sqrt(46.0 / 6 - 1)));
    CHECK(all.min == -4);
    CHECK(all.max == 4);
    CHECK(all.largest() == 4);
    ActivationStatistics parts;
    parts.add(x.row(0));
    CHECK(parts.largest() == 4);
    CHECK(parts.max == 1);
    parts.add(x.row(1));
    CHECK(parts == all);
    CHECK(activation_statistics(x.view().col_range(0, 1), 1).max == 2);
}

TEST_CASE("each matrix of each layer has the statistics of its input, the same for any number of threads") {
    Network<float> network = small_network(0, 5, 2);
    const auto texts = counting_texts(12);
    const auto seen = collect_statistics(network, CalibrationSet::from_samples(texts, 5), 1);
    CHECK(seen.size() == 2 * 7);
    std::size_t tokens = 0;
    for (const auto& text : texts) tokens += text.size();
    for (const auto& entry : seen) {
        const std::string& name = entry.first;
        const ActivationStatistics& input = entry.second;
        INFO(name);
        CHECK(input.count == tokens * (name.find("down_proj") != std::string::npos ? 24u : 16u));
        CHECK(input.deviation() > 0);
        CHECK(input.min < input.mean());
        CHECK(input.mean() < input.max);
    }
    CHECK(seen.at("model.layers.0.self_attn.q_proj.weight") == seen.at("model.layers.0.self_attn.v_proj.weight"));
    CHECK(seen.at("model.layers.0.mlp.up_proj.weight") == seen.at("model.layers.0.mlp.gate_proj.weight"));
    CHECK_FALSE(seen.at("model.layers.0.self_attn.q_proj.weight") == seen.at("model.layers.1.self_attn.q_proj.weight"));
    // A norm whose weights are all 1 gives rows of mean square 1.
    const ActivationStatistics& normal = seen.at("model.layers.1.mlp.up_proj.weight");
    for (const float weight : std::as_const(network.parameters()[network.parameters().find("model.layers.1.post_attention_layernorm.weight")].value).row(0))
        REQUIRE(weight == 1);
    CHECK(normal.squares / static_cast<double>(normal.count) == doctest::Approx(1).epsilon(0.001));

    // What a whole forward pass leaves there is what was counted.
    Batch all;
    for (const auto& text : texts) all.add(text);
    const Tape<float> tape(network.config(), all.ids.size(), Keep::everything);
    Matrix<float> hidden(all.ids.size(), 16);
    network.forward(all, tape, hidden, 1);
    const ActivationStatistics wide = activation_statistics(tape.layer(1).wide.rows(all.ids.size()), 1);
    const ActivationStatistics& counted = seen.at("model.layers.1.mlp.down_proj.weight");
    CHECK(counted.max == doctest::Approx(wide.max).epsilon(1e-5));
    CHECK(counted.mean() == doctest::Approx(wide.mean()).epsilon(1e-5));
    CHECK(counted.deviation() == doctest::Approx(wide.deviation()).epsilon(1e-5));
    CHECK(collect_statistics(network, CalibrationSet::from_samples(texts, 5), 3) == seen);
}

TEST_CASE("an input that is not finite is named by the matrix that is given it") {
    Network<float> network = small_network();
    auto& parameters = network.parameters();
    parameters[parameters.find("model.layers.0.post_attention_layernorm.weight")].value(0, 3) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(collect_statistics(network, CalibrationSet::from_samples(counting_texts(2)), 1),
                         "model.layers.0.mlp.gate_proj.weight: its input is not finite on the calibration text", error);
}
