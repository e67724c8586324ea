#include <bitnet/eval/windows.hpp>

#include <doctest/doctest.h>

#include "../pipeline/models.hpp"

using namespace bitnet;
using bitnet_test::TempDir;

TEST_CASE("every token of a window is told of once, in order, with what each model predicts of it") {
    const TempDir dir;
    write_random_model(dir / "model", {.seed = 1});
    write_random_model(dir / "other", {.seed = 2});
    const Transformer model(ModelWeights(dir / "model"), ActivationPrecision::fp32, execution()), other(ModelWeights(dir / "other"), ActivationPrecision::fp32, execution());
    std::vector<std::uint32_t> ids(100);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint32_t>(i * 7 % 256);
    const std::vector<std::vector<std::uint32_t>> documents{ids};
    const auto windows = detail::checked_windows(documents, {.context = 90, .stride = 50});
    REQUIRE(windows.size() == 2);
    std::vector<std::vector<std::uint32_t>> seen(2);
    std::size_t told = 0;
    const Transformer* const models[] = {&model, &other};
    detail::score_windows(models, documents, windows, {execution().kernels, 1}, [&](std::size_t done, std::size_t all) {
        CHECK(all == 2);
        told = done;
    }, [&](std::size_t i, std::span<const std::uint32_t> tokens, std::span<const MatrixView<const float>> logits) {
        seen[i].insert(seen[i].end(), tokens.begin(), tokens.end());
        REQUIRE(logits.size() == 2);
        CHECK(logits[0].rows == tokens.size());
        CHECK(logits[1](0, 0) != logits[0](0, 0));
        CHECK(logits[1].cols == 256);
    });
    CHECK(told == 2);
    CHECK(seen[0] == std::vector<std::uint32_t>(ids.begin() + 1, ids.begin() + 90));
    CHECK(seen[1] == std::vector<std::uint32_t>(ids.begin() + 90, ids.end()));
}
