#include <bitnet/calibrate/text_streams.hpp>

#include <doctest/doctest.h>

#include <bitnet/calibrate/calibration_set.hpp>

#include "../train/models.hpp"

using namespace bitnet;

TEST_CASE("streams advance layer by layer to what a forward pass has at the end, in batches of any size") {
    Network<float> network = bitnet_test::small_network();
    const auto texts = bitnet_test::counting_texts(6);
    const std::vector<Batch> batches = CalibrationSet::from_ids(texts, {.tokens = 16, .batch = 4}).batches(), whole = CalibrationSet::from_ids(texts, {.tokens = 16, .batch = 100}).batches();
    TextStreams streams(network, batches), on_disk(network, batches, 0);
    for (std::size_t layer = 0; layer < network.config().layers; ++layer) {
        const auto [input, stream] = streams.stage_input(1, layer, Stage::attention, 1);
        CHECK(std::ranges::equal(stream.row(2), streams[1].row(2)));
        CHECK(input.cols == network.config().hidden_size);
        streams.advance(layer, 1);
        on_disk.advance(layer, 1);
        for (std::size_t r = 0; r < streams[0].rows; ++r) CHECK(std::ranges::equal(streams[0].row(r), on_disk[0].row(r)));
    }
    Tape<float> tape(network.config(), whole[0].ids.size(), Keep::nothing);
    Matrix<float> hidden(whole[0].ids.size(), network.config().hidden_size);
    network.forward(whole[0], tape, hidden, 1);
    const MatrixView<float> last = tape.stream(network.config().layers, hidden.rows());
    std::size_t t = 0;
    for (std::size_t b = 0; b < batches.size(); ++b)
        for (std::size_t r = 0; r < streams[b].rows; ++r, ++t)
            for (std::size_t c = 0; c < last.cols; ++c) CHECK(streams[b](r, c) == doctest::Approx(last(t, c)).epsilon(1e-4));
}
