#include <bitnet/policy/quantizer/asymmetric.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <bitnet/compress.hpp>
#include <bitnet/core/rng.hpp>

using namespace bitnet;
using quantizer::Asymmetric;

namespace {

std::vector<float> normal_about(float mean, std::size_t n, std::uint64_t seed) {
    Random random(seed);
    std::vector<float> out(n);
    for (float& x : out) x = mean + random.normal();
    return out;
}

/// Σ(w - ŵ)² and the offset.
template <std::size_t Planes>
std::pair<double, float> fitted(const Asymmetric<Planes>& quantizer, std::span<const float> w) {
    std::array<std::vector<std::int8_t>, Planes> codes;
    std::array<std::span<std::int8_t>, Planes> spans;
    for (std::size_t p = 0; p < Planes; ++p) spans[p] = codes[p] = std::vector<std::int8_t>(w.size());
    const Levels<Planes> levels = quantizer.fit_levels(w, spans, *execution().kernels);
    double error = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        float level = levels.offset;
        for (std::size_t p = 0; p < Planes; ++p) level += levels.scales[p] * static_cast<float>(codes[p][i]);
        error += static_cast<double>((w[i] - level) * (w[i] - level));
    }
    return {error, levels.offset};
}

/// Levels of one's own, with whatever offset.
struct Shifted {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "shifted";
    static constexpr std::size_t planes = 1;
    float offset = 1;
    Levels<1> fit_levels(std::span<const float>, const std::array<std::span<std::int8_t>, 1>& codes, const Kernels&) const {
        std::ranges::fill(codes[0], std::int8_t{1});
        return {{0.5f}, offset};
    }
    bool operator==(const Shifted&) const = default;
};

}  // namespace

TEST_CASE("an offset follows weights whose mean is not 0, and rounds never add to the error") {
    const std::vector<float> about_0 = normal_about(0, 256, 1), about_3 = normal_about(3, 256, 1);
    std::vector<std::int8_t> codes(256);
    const float scale = quantizer::TritPlanes<1>{}.fit_planes(about_3, {codes}, *execution().kernels)[0];
    double symmetric = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const double off = static_cast<double>(about_3[i] - scale * static_cast<float>(codes[i]));
        symmetric += off * off;
    }
    const auto [error, offset] = fitted(Asymmetric<>{}, about_3);
    CHECK(error < 0.4 * symmetric);
    CHECK(offset > 1.5f);
    CHECK(fitted(Asymmetric<>{}, about_0).first <= fitted(Asymmetric<>{.rounds = 0}, about_0).first);
    CHECK(fitted(Asymmetric<2>{}, about_3).first < 0.3 * error);
    double before = fitted(Asymmetric<>{.rounds = 0}, about_3).first;
    for (const std::uint64_t rounds : {1u, 2u, 5u, 20u}) {
        const double after = fitted(Asymmetric<>{.rounds = rounds}, about_3).first;
        CHECK(after <= before);
        before = after;
    }
}

TEST_CASE("what levels about 0 hold exactly has no offset, nothing has none, and a region of one value is given back") {
    const std::vector<float> ternary{0.5f, 0, -0.5f, 0.5f, 0.5f, 0};
    CHECK(fitted(Asymmetric<>{}, ternary) == std::pair(0.0, 0.0f));
    CHECK(fitted(Asymmetric<>{}, std::vector<float>(7)) == std::pair(0.0, 0.0f));
    CHECK(fitted(Asymmetric<>{}, {}) == std::pair(0.0, 0.0f));
    CHECK(fitted(Asymmetric<2>{}, std::vector<float>(7, -2.5f)).first == 0);
}

TEST_CASE("a compressor stores an offset a region, in every granularity, and what is measured is what is stored") {
    const std::vector<float> w = normal_about(2, 10 * 48, 3);
    const TensorView view{"w", DType::F32, Shape{10, 48}, std::as_bytes(std::span(w))};
    const auto check = [&](auto scales, std::size_t count) {
        const Compressor compressor{Asymmetric<>{}, scales};
        const TernaryPlanes made = compressor.compress(view, {execution().kernels, 1});
        CHECK(made == compressor.compress(view, {execution().kernels, 3}));
        REQUIRE(made.offsets.size() == count);
        CHECK(made.stored_bytes() == made.planes[0].stored_bytes() + 2 * count);
        for (const float offset : made.offsets) CHECK(offset == to_float(to_half(offset)));
        const Distortion symmetric = distortion(view, Compressor{quantizer::LeastSquares{}, scales}.compress(view));
        CHECK(distortion(view, made).relative_error() < 0.9 * symmetric.relative_error());
    };
    check(scale::PerTensor{}, 1);
    check(scale::PerChannel{}, 10);
    check(scale::PerGroup<32>{}, 20);
    CHECK(to_string(Asymmetric<2>{}) == "asymmetric<2>{.rounds=20}");
    const TensorView nothing{"n", DType::F32, Shape{0, 5}, {}};
    CHECK(Compressor{Asymmetric<>{}}.compress(nothing).stored_bytes() == 0);
}

TEST_CASE("offsets beyond FP16 are F32 as scales are, small ones are kept as FP16 can, and one that is not finite is refused") {
    std::vector<float> w = normal_about(0, 64, 4);
    const TensorView view{"w", DType::F32, Shape{2, 32}, std::as_bytes(std::span(w))};
    CHECK(Compressor{Shifted{.offset = 1e-6f}}.compress(view).planes[0].scale_type == DType::F16);
    CHECK(Compressor{Shifted{.offset = 1e-6f}}.compress(view).offsets[0] == to_float(to_half(1e-6f)));
    const TernaryPlanes large = Compressor{Shifted{.offset = -1e6f}}.compress(view);
    CHECK(large.planes[0].scale_type == DType::F32);
    CHECK(large.offsets == std::vector<float>{-1e6f, -1e6f});
    CHECK_THROWS_WITH_AS(Compressor{Shifted{.offset = std::numeric_limits<float>::infinity()}}.compress(view),
                         "shifted returned the offset inf; offsets are finite", error);
}
