#include <bitnet/compress/region.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/sparsity/fixed.hpp>

using namespace bitnet;

namespace {

/// A quantizer that returns what it was told to.
struct Bad {
    static constexpr std::string_view name = "bad";
    float alpha = 1;
    std::int8_t code = 0;
    float quantize(std::span<const float>, std::span<std::int8_t> codes) const {
        for (std::int8_t& c : codes) c = code;
        return alpha;
    }
};

struct BadMean {
    float value = 0;
    float alpha(double) const { return value; }
};

}  // namespace

TEST_CASE("weights that are ternary already are recognised, piece by piece") {
    TernaryDetector same;
    CHECK(same.add(std::array<float, 3>{0.0f, 0.5f, -0.5f}));
    CHECK(same.add(std::array<float, 2>{-0.5f, -0.0f}));
    CHECK(same.grid() == Grid{0.5f, 0.5f});
    CHECK(!same.add(std::array<float, 1>{0.25f}));
    CHECK(!same.add(std::array<float, 1>{0.5f}));

    TernaryDetector zeros;
    CHECK(zeros.add(std::array<float, 2>{0.0f, -0.0f}));
    CHECK(zeros.grid() == Grid{});
}

TEST_CASE("a threshold above every weight keeps nothing") {
    const std::array<float, 3> w{0.1f, -0.4f, 0.1f};
    CHECK(!keeps_nothing(Grid{0.2f, 0.1f}, w, 0.2));
    CHECK(!keeps_nothing(Grid{0.2f, 0.4f}, w, 0.2));
    CHECK(keeps_nothing(Grid{0.2f, 0.5f}, w, 0.2));
}

TEST_CASE("a policy that returns nonsense is named") {
    std::array<std::int8_t, 2> codes{};
    const std::array<float, 2> w{1.0f, 2.0f};
    CHECK_THROWS_WITH_AS(quantize_region(Bad{.code = 2}, w, codes),
                         "bad returned the code 2 at position 0 of its region; codes are -1, 0 and 1", error);
    CHECK_THROWS_WITH_AS(quantize_region(Bad{.alpha = -1}, w, codes),
                         "bad returned the scale -1; it must be finite and >= 0", error);
    CHECK_THROWS_AS(quantize_region(Bad{.alpha = std::numeric_limits<float>::quiet_NaN()}, w, codes), error);
    CHECK(quantize_region(Bad{.alpha = 3}, w, codes) == 0.0f);  // nothing but zeros
    CHECK(quantize_region(Bad{.alpha = 3, .code = -1}, w, codes) == 3.0f);
}

TEST_CASE("the first two weights tell when a region cannot be ternary") {
    const float weights[] = {0.0f, -0.0f, 1e-45f, -1e-45f, 0.5f, -0.5f, 0.25f, 3e38f, -3e38f};
    for (const float a : weights)
        for (const float b : weights) {
            INFO(a, " and ", b);
            TernaryDetector detector;
            CHECK(may_be_ternary(std::array{a, b}) == detector.add(std::array{a, b}));
        }
    CHECK(may_be_ternary(std::array{0.5f}));
}

TEST_CASE("regions without surprises are fitted together as they are one by one, and all others are left") {
    const std::vector<float> w{0.1f, -0.4f, 0.2f, 0.3f, -1.0f, 0.5f};
    const std::array means{0.7 / 3, 1.8 / 3};
    const auto fit = [&](std::vector<float> weights, auto quantizer, float threshold) {
        std::vector<Grid> grids(2);
        if (!fit_plain_regions(quantizer, sparsity::Fixed{threshold}, weights, 3, means, grids)) grids.clear();
        return grids;
    };
    const auto grids = fit(w, quantizer::AbsMean{}, 0.5f);
    REQUIRE(grids.size() == 2);
    for (std::size_t g = 0; g < 2; ++g)
        CHECK(grids[g] == fit_grid(quantizer::AbsMean{}, sparsity::Fixed{0.5f}, std::span(w).subspan(3 * g, 3),
                                   means[g], *execution().kernels, {}));
    CHECK(fit(w, quantizer::AbsMean{}, 1.5f).empty());                                        // may keep nothing
    CHECK(fit({0.1f, -0.4f, 0.2f, 0.3f, -0.3f, 0.5f}, quantizer::AbsMean{}, 0.5f).empty());  // may be ternary
    CHECK(fit({0.1f, -0.4f, 0.2f, 0.0f, -0.3f, 0.5f}, quantizer::AbsMean{}, 0.5f).empty());
    for (const float bad : {-1.0f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
        CHECK(fit(w, BadMean{bad}, 0.5f).empty());
}
