#include <bitnet/train/tape.hpp>

#include <doctest/doctest.h>

using bitnet::Batch;
using bitnet::Keep;
using bitnet::Tape;

TEST_CASE("texts of a batch stand one behind the other, and the last token of each has no target") {
    Batch batch;
    batch.add(std::vector<std::uint32_t>{1, 2, 3});
    batch.add(std::vector<std::uint32_t>{});
    batch.add(std::vector<std::uint32_t>{4});
    batch.add(std::vector<std::uint32_t>{5, 6});
    CHECK(batch.texts() == 3);
    CHECK(batch.longest() == 3);
    CHECK(batch.scored() == 3);
    CHECK(batch.begins == std::vector<std::size_t>{0, 3, 4, 6});
    CHECK(batch.targets == std::vector<std::uint32_t>{2, 3, Batch::no_target, Batch::no_target, 6, Batch::no_target});
}

TEST_CASE("a tape has as many buffers as what is kept asks for") {
    bitnet::ModelConfig config;
    config.hidden_size = 4;
    config.intermediate_size = 8;
    config.layers = 3;
    config.heads = config.kv_heads = 1;
    config.head_dim = 4;
    const auto apart = [](const auto& a, const auto& b) { return a.data != b.data; };
    const Tape<float> everything(config, 5, Keep::everything), inputs(config, 5, Keep::inputs), nothing(config, 5, Keep::nothing);
    CHECK(apart(everything.layer(0).up.view(), everything.layer(2).up.view()));
    CHECK_FALSE(apart(inputs.layer(0).up.view(), inputs.layer(2).up.view()));
    CHECK(apart(inputs.stream(0, 5), inputs.stream(2, 5)));
    CHECK_FALSE(apart(nothing.stream(0, 5), nothing.stream(2, 5)));
    CHECK(apart(nothing.stream(0, 5), nothing.stream(1, 5)));
}

TEST_CASE("what is put away comes back as BF16, each layer's own") {
    bitnet::ModelConfig config;
    config.hidden_size = config.intermediate_size = config.head_dim = 4;
    config.layers = 2;
    config.heads = config.kv_heads = 1;
    const Tape<float> tape(config, 70, Keep::rounded);
    const auto written = tape.layer(0).written(70, true, false);
    CHECK_FALSE(tape.layer(0).up.view().data != tape.layer(1).up.view().data);
    for (const std::size_t layer : {0u, 1u}) {
        for (const bitnet::MatrixView<float>& one : written)
            for (std::size_t t = 0; t < one.rows; ++t)
                for (float& x : one.row(t)) x = 1.00390625f * static_cast<float>(layer + 1);  // 1 + 2^-8: a tie, to even
        tape.put_away(layer, written, 2);
    }
    tape.take_out(0, written, 2);
    for (const bitnet::MatrixView<float>& one : written) CHECK(one(69, one.cols - 1) == 1);
    tape.take_out(1, written, 2);
    CHECK(written.front()(0, 0) == 2);
}
