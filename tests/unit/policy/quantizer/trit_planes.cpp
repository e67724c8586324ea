#include <bitnet/policy/quantizer/trit_planes.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/compress.hpp>
#include <bitnet/core/rng.hpp>

using namespace bitnet;
using quantizer::TritPlanes;

namespace {

std::vector<float> normal(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> out(n);
    for (float& x : out) x = random.normal();
    return out;
}

template <std::size_t Planes>
double error_of(const TritPlanes<Planes>& quantizer, std::span<const float> w) {
    std::array<std::vector<std::int8_t>, Planes> codes;
    std::array<std::span<std::int8_t>, Planes> spans;
    for (std::size_t p = 0; p < Planes; ++p) spans[p] = codes[p] = std::vector<std::int8_t>(w.size());
    const auto scales = quantizer.fit_planes(w, spans, *execution().kernels);
    double error = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        float level = 0;
        for (std::size_t p = 0; p < Planes; ++p) level += scales[p] * static_cast<float>(codes[p][i]);
        error += static_cast<double>((w[i] - level) * (w[i] - level));
        CHECK(scales[0] >= 0);
    }
    return error / static_cast<double>(w.size());
}

/// Two planes of one's own, of whatever scale and code.
struct Mine {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "mine";
    static constexpr std::size_t planes = 2;
    float scale = 1;
    std::int8_t code = 1;
    std::array<float, 2> fit_planes(std::span<const float>, const std::array<std::span<std::int8_t>, 2>& codes, const Kernels&) const {
        for (const auto& plane : codes) std::ranges::fill(plane, code);
        return {scale, scale};
    }
    bool operator==(const Mine&) const = default;
};

}  // namespace

TEST_CASE("each plane more leaves a fraction of the error, and rounds never add to it") {
    const std::vector<float> w = normal(256, 1);
    const double one = error_of(TritPlanes<1>{}, w), two = error_of(TritPlanes<2>{}, w), three = error_of(TritPlanes<3>{}, w);
    CHECK(one == doctest::Approx(0.19).epsilon(0.1));  // the best ternary grid of normal weights leaves 0.1902 of their variance
    CHECK(two < 0.25 * one);
    CHECK(three < 0.25 * two);
    double before = error_of(TritPlanes<2>{.rounds = 0}, w);
    for (const std::uint64_t rounds : {1u, 2u, 5u, 50u}) {
        const double after = error_of(TritPlanes<2>{.rounds = rounds}, w);
        CHECK(after <= before);
        before = after;
    }
}

TEST_CASE("weights on nine levels are given back, zeros need no scale, and one plane is exact least squares") {
    std::vector<float> w;
    for (const float a : {-3.0f, 0.0f, 3.0f})
        for (const float b : {-1.0f, 0.0f, 1.0f}) w.insert(w.end(), 10, a + b);
    CHECK(error_of(TritPlanes<2>{}, w) < 1e-12);
    CHECK(error_of(TritPlanes<2>{}, std::vector<float>(5)) == 0);
    CHECK(TritPlanes<2>{}.fit_planes({}, {}, *execution().kernels) == std::array<float, 2>{});
    const std::vector<float> x = normal(50, 2);
    std::vector<std::int8_t> codes(50);
    std::vector<float> scratch(50);
    CHECK(TritPlanes<1>{}.fit_planes(x, {codes}, *execution().kernels)[0] == quantizer::LeastSquares{}.fit(x, *execution().kernels, scratch).alpha);
}

TEST_CASE("one plane in a compressor is a tensor, and what a user's planes must not be is refused by the policy's name") {
    const xt::xarray<float> weight = xt::reshape_view(xt::sin(xt::arange<float>(640.0f)), {10, 64});
    CHECK(Compressor{TritPlanes<1>{}}.compress(weight) == Compressor{}.compress(weight));
    for (const float scale : {-1.0f, std::numeric_limits<float>::quiet_NaN()})
        CHECK_THROWS_AS(Compressor{Mine{.scale = scale}}.compress(weight), error);
    CHECK_THROWS_WITH_AS(Compressor{Mine{.code = 2}}.compress(weight), "mine returned the code 2 at position 0 of its region; codes are -1, 0 and 1", error);
    CHECK(Compressor{Mine{}}.compress(weight).planes.size() == 2);
}

TEST_CASE("a compressor of several planes gives a tensor for each, the same for any threads, with its text in the metadata") {
    const xt::xarray<float> weight = xt::reshape_view(xt::sin(xt::arange<float>(70.0f * 96.0f)), {70, 96});
    const Compressor compressor{TritPlanes<2>{}, scale::PerGroup<32>{}};
    const TernaryPlanes made = compressor.compress(weight, "w", {execution().kernels, 1});
    REQUIRE(made.planes.size() == 2);
    CHECK(made == compressor.compress(weight, "w", {execution().kernels, 3}));
    const Distortion two = distortion(weight, made), one = distortion(weight, Compressor{scale::PerGroup<32>{}}.compress(weight));
    CHECK(two.relative_error() < 0.5 * one.relative_error());
    CHECK(two.count() == 2 * one.count());
    CHECK(to_string(compressor.quantizer()) == "trit_planes<2>{.rounds=50}");
    CHECK(from_string<TritPlanes<2>>("trit_planes<2>{.rounds=7}").rounds == 7);
    CHECK_THROWS_WITH_AS(from_string<TritPlanes<2>>("trit_planes<2>{.rounds=1001}"), "trit_planes<2>: rounds = 1001 is outside [0, 1000]", error);
    const xt::xarray<float> nothing = xt::zeros<float>({0, 5});
    CHECK(compressor.compress(nothing).stored_bytes() == 0);
}
