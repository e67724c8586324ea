#include <bitnet/calibrate/calibration_set.hpp>

#include <doctest/doctest.h>

using namespace bitnet;
using Texts = std::vector<std::vector<std::uint32_t>>;

TEST_CASE("documents are cut into windows, and batches hold all of them in their order") {
    const CalibrationSet set = CalibrationSet::from_ids(Texts{{1, 2, 3, 4, 5}, {6}, {}, {7, 8}}, {.tokens = 3, .batch = 2});
    CHECK(set.samples() == Texts{{1, 2, 3}, {4, 5}, {6}, {7, 8}});
    CHECK(set.tokens() == 8);
    const std::vector<Batch> batches = set.batches();
    REQUIRE(batches.size() == 2);
    CHECK(batches[0].ids == std::vector<std::uint32_t>{1, 2, 3, 4, 5});
    CHECK(batches[1].begins == std::vector<std::size_t>{0, 1, 3});
}

TEST_CASE("of more windows than are wanted, those are taken that are spread evenly") {
    Texts texts;
    for (std::uint32_t i = 0; i < 10; ++i) texts.push_back({i});
    CHECK(CalibrationSet::from_ids(texts, {.samples = 4}).samples() == Texts{{0}, {2}, {5}, {7}});
}

TEST_CASE("samples of one's own stay as they are, whatever their length") {
    const Texts texts{std::vector<std::uint32_t>(2000, 1), {2}};
    CHECK(CalibrationSet::from_samples(texts).samples() == texts);
}

TEST_CASE("no text and nothing wanted of it are refused") {
    CHECK_THROWS_WITH_AS(CalibrationSet::from_ids(Texts{{}}), "there is no text to calibrate with", error);
    CHECK_THROWS_WITH_AS(CalibrationSet::from_samples({}), "there is no text to calibrate with", error);
    CHECK_THROWS_WITH_AS(CalibrationSet::from_ids(Texts{{1}}, {.samples = 0}),
                         "calibration with 0 samples of 512 tokens, 4 at once: one of each is the least", error);
}
