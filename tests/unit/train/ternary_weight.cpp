#include <bitnet/train/ternary_weight.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <vector>

#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>
#include <bitnet/policy/ste/clipped.hpp>
#include <bitnet/policy/ste/learned_scale.hpp>
#include <bitnet/policy/ste/progressive.hpp>

using namespace bitnet;

namespace {

Matrix<float> wave(std::size_t rows, std::size_t cols, float speed) {
    Matrix<float> out(rows, cols);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < cols; ++c) out(r, c) = std::sin(speed * static_cast<float>(r * cols + c + 1));
    return out;
}

/// A user's own rule: codes are signs, whatever the size.
struct Signs {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "signs";
    float quantize(std::span<const float> w, std::span<std::int8_t> codes) const {
        for (std::size_t i = 0; i < w.size(); ++i) codes[i] = w[i] < 0 ? -1 : 1;
        return 0.5f;
    }
    bool operator==(const Signs&) const = default;
};

}  // namespace

TEST_CASE("the image of a weight is what compressing and dequantizing it gives, for any quantizer, a user's own too") {
    const auto check = [](const auto& compressor) {
        const Matrix<float> w = wave(7, 50, 0.37f);
        TernaryWeight<std::decay_t<decltype(compressor)>> weight("w", w, compressor, execution());
        Matrix<float> image(7, 50), row(1, 50);
        weight.image(compressor, 1, image, execution());
        const Shape shape{7, 50};
        const TernaryTensor packed =
            compressor.compress(TensorView{"w", DType::F32, shape, std::as_bytes(std::span(w.values()))});
        for (std::size_t r = 0; r < 7; ++r) {
            packed.dequantize_row(r, row.row(0));
            for (std::size_t c = 0; c < 50; ++c) CHECK(image(r, c) == row(0, c));
        }
        weight.image(compressor, 0.25f, image, execution());
        packed.dequantize_row(3, row.row(0));
        CHECK(image(3, 5) == w(3, 5) + 0.25f * (row(0, 5) - w(3, 5)));
    };
    check(Compressor{quantizer::RoundClip{}, scale::PerTensor{}});
    check(Compressor{quantizer::AbsMean{}, scale::PerGroup<16>{}});
    check(Compressor{scale::PerChannel{}, ste::Clipped{}});
    check(Compressor{Signs{}});
}

TEST_CASE("the gradient of a latent weight is the one at its image times the estimator's slope, exactly") {
    const Matrix<float> w = wave(5, 33, 0.71f), g = wave(5, 33, 1.3f);
    const Compressor identity{quantizer::RoundClip{}};
    TernaryWeight<std::decay_t<decltype(identity)>> plain("w", w, identity, execution());
    Matrix<float> gradient = g;
    plain.backward(identity, gradient, 2);
    CHECK(gradient.values() == g.values());

    const Compressor compressor{quantizer::RoundClip{}, scale::PerGroup<8>{}, ste::Clipped{.reach = 1.25f}};
    TernaryWeight<std::decay_t<decltype(compressor)>> clipped("w", w, compressor, execution());
    const Shape shape{5, 33};
    const TernaryTensor packed = compressor.compress(TensorView{"w", DType::F32, shape, std::as_bytes(std::span(w.values()))});
    clipped.backward(compressor, gradient, 2);
    std::size_t stopped = 0;
    for (std::size_t r = 0; r < 5; ++r)
        for (std::size_t c = 0; c < 33; ++c) {
            const bool passes = std::abs(w(r, c)) <= 1.25f * packed.scale(r, c);
            CHECK(gradient(r, c) == (passes ? g(r, c) : 0.0f));
            stopped += passes ? 0 : 1;
        }
    CHECK(stopped > 10);
}

TEST_CASE("learned scales begin as the quantizer's, and get the gradient of learned step sizes, over rows, groups and tensors") {
    const Matrix<float> w = wave(4, 20, 0.71f), g = wave(4, 20, 1.3f);
    const auto check = [&](const auto& compressor, std::size_t group, bool whole) {
        TernaryWeight<std::decay_t<decltype(compressor)>> weight("w", w, compressor, execution());
        const Shape shape{4, 20};
        const TernaryTensor packed = compressor.compress(TensorView{"w", DType::F32, shape, std::as_bytes(std::span(w.values()))});
        CHECK(weight.learned_scales() == packed.scales);
        for (float& scale : weight.learned_scales()) scale *= 1.25f;
        Matrix<float> image(4, 20), gradient = g;
        weight.image(compressor, 1, image, execution());
        weight.backward(compressor, gradient, 2);
        std::vector<double> slopes(packed.scales.size());
        std::vector<double> counts(packed.scales.size());
        for (std::size_t r = 0; r < 4; ++r)
            for (std::size_t c = 0; c < 20; ++c) {
                const std::size_t region = whole ? 0 : r * packed.groups_per_row() + c / group;
                const float s = 1.25f * packed.scales[region], magnitude = std::abs(w(r, c));
                const float q = magnitude > s / 2 ? (w(r, c) < 0 ? -1.0f : 1.0f) : 0.0f;
                CHECK(image(r, c) == q * bitnet::scale::stored(s, DType::F16));
                CHECK(gradient(r, c) == (magnitude < s ? g(r, c) : 0.0f));
                slopes[region] += static_cast<double>(g(r, c) * (magnitude < s ? q - w(r, c) / s : (w(r, c) < 0 ? -1.0f : 1.0f)));
                counts[region] += 1;
            }
        for (std::size_t i = 0; i < slopes.size(); ++i)
            CHECK(static_cast<double>(weight.scale_gradient()[i]) == doctest::Approx(slopes[i] / std::sqrt(counts[i])).epsilon(1e-6));
    };
    check(Compressor{scale::PerChannel{}, ste::LearnedScale{}}, 20, false);
    check(Compressor{scale::PerGroup<8>{}, ste::LearnedScale{}}, 8, false);
    check(Compressor{scale::PerTensor{}, ste::LearnedScale{}}, 20, true);
}

TEST_CASE("a latent weight that is not finite is named") {
    Matrix<float> w = wave(2, 3, 1);
    const Compressor compressor{quantizer::RoundClip{}};
    TernaryWeight<std::decay_t<decltype(compressor)>> weight("up.weight", w, compressor, execution());
    weight.latent()(1, 1) = std::bit_cast<float>(0x7fc00000u);
    CHECK_THROWS_WITH_AS(weight.image(compressor, 1, w, execution()), doctest::Contains("up.weight"), bitnet::error);
}
