#include <bitnet/compress/compressor.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include <support/xview.hpp>

#include <bitnet/compress/distortion.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/policy/layout/chosen.hpp>
#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/quantizer/round_clip.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>
#include <bitnet/policy/sparsity/size_adaptive.hpp>
#include <bitnet/policy/sparsity/target_fraction.hpp>

using namespace bitnet;

namespace {

/// A quantizer of the third shape: signs, and a scale for them.
struct Signs {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "signs";
    float quantize(std::span<const float> w, std::span<std::int8_t> codes) const {
        double sum = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            codes[i] = static_cast<std::int8_t>(w[i] < 0 ? -1 : w[i] > 0 ? 1 : 0);
            sum += static_cast<double>(std::fabs(w[i]));
        }
        return static_cast<float>(sum / static_cast<double>(w.size()));
    }
    bool operator==(const Signs&) const = default;
};

xt::xarray<float> normal(const Shape& shape, unsigned seed) {
    xt::xarray<float> out = xt::zeros<float>(shape);
    std::mt19937 random(seed);
    std::normal_distribution<float> distribution(0.0f, 0.02f);
    for (float& x : out) x = distribution(random);
    return out;
}

/// Calls f with one compressor of each kind.
template <class F>
void each_compressor(F&& f) {
    const auto scales = [&f](auto... policies) {
        f(Compressor{policies..., scale::PerTensor{}});
        f(Compressor{policies..., scale::PerChannel{}});
        f(Compressor{policies..., scale::PerGroup<64>{}});
        f(Compressor{policies..., scale::PerGroup<7>{}, pack::Trit5{}});
    };
    scales(quantizer::AbsMean{});
    scales(quantizer::AbsMean{}, sparsity::TargetFraction{});
    scales(quantizer::AbsMean{}, sparsity::SizeAdaptive{});
    scales(quantizer::RoundClip{});
    scales(quantizer::LeastSquares{});
    scales(Signs{});
}

const std::vector<Shape> shapes{{}, {1}, {5}, {300}, {1, 1}, {3, 64}, {7, 130}, {64, 3}, {2, 3, 4}, {2, 3, 5, 7}};

}  // namespace

TEST_CASE("absmean follows its formula element by element") {
    const xt::xarray<float> w = normal({16, 200}, 1);
    for (const float threshold : {0.0f, 0.05f, 0.1f, 0.5f, 2.0f}) {
        const Compressor compressor{sparsity::Fixed{.threshold = threshold}, quantizer::AbsMean{}};
        const TernaryTensor t = compressor.compress(w);
        std::vector<std::int8_t> codes(200);
        for (std::size_t r = 0; r < 16; ++r) {
            double sum = 0;
            for (std::size_t c = 0; c < 200; ++c) sum += static_cast<double>(std::fabs(w(r, c)));
            const float alpha = static_cast<float>(sum / 200);
            REQUIRE(t.scales[r] == doctest::Approx(alpha).epsilon(5e-4));  // stored as FP16
            t.codes_of_row(r, codes);
            for (std::size_t c = 0; c < 200; ++c) {
                const float margin = std::fabs(w(r, c)) - alpha * threshold;
                if (std::fabs(margin) < 1e-8f) continue;  // the sum's order may decide
                const int expected = margin < 0 ? 0 : w(r, c) > 0 ? 1 : -1;
                REQUIRE(static_cast<int>(codes[c]) == expected);
            }
        }
    }
}

TEST_CASE("a tie is kept by the fixed threshold and goes to zero when rounding") {
    const xt::xarray<float> w{{0.5f, -0.5f, 1.5f, -1.5f}};  // mean magnitude 1
    std::vector<std::int8_t> codes(4);
    Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}}.compress(w).codes_of_row(0, codes);
    CHECK(codes == std::vector<std::int8_t>{1, -1, 1, -1});
    Compressor{quantizer::RoundClip{}}.compress(w).codes_of_row(0, codes);
    CHECK(codes == std::vector<std::int8_t>{0, 0, 1, -1});
}

TEST_CASE("compressing what was dequantized gives the same tensor, for every policy and shape") {
    each_compressor([](const auto& compressor) {
        CAPTURE(to_string(compressor));
        for (const Shape& shape : shapes) {
            CAPTURE(to_string(shape));
            const TernaryTensor t = compressor.compress(normal(shape, 2));
            const xt::xarray<float> dense = t.dequantize();
            REQUIRE(compressor.compress(dense) == t);
        }
    });
}

TEST_CASE("bytes depend neither on threads nor on the instruction set") {
    const xt::xarray<float> w = normal({300, 517}, 3);
    each_compressor([&w](const auto& compressor) {
        CAPTURE(to_string(compressor));
        const TernaryTensor expected = compressor.compress(w, "w", execution<arch::Scalar>(1));
        for (const Kernels* const kernels : available_kernels())
            for (const unsigned threads : {1u, 2u, 5u}) {
                CAPTURE(kernels->arch);
                REQUIRE(compressor.compress(w, "w", {kernels, threads}) == expected);
            }
    });
}

TEST_CASE("row-major, column-major, strided and lazy expressions of equal values give equal tensors") {
    const xt::xarray<float, xt::layout_type::row_major> rows = normal({12, 40}, 4);
    const xt::xarray<float, xt::layout_type::column_major> columns = rows;
    const Compressor compressor{quantizer::AbsMean{}};
    const TernaryTensor expected = compressor.compress(rows);
    CHECK(compressor.compress(columns) == expected);
    CHECK(compressor.compress(rows + 0.0f) == expected);
    const xt::xarray<double> wide = xt::cast<double>(rows);
    CHECK(compressor.compress(wide) == expected);

    xt::xarray<float> padded = xt::zeros<float>({24, 44});
    auto window = xt::view(padded, xt::range(1, 24, 2), xt::range(2, 42));
    window = rows;
    CHECK(compressor.compress(window) == expected);
}

TEST_CASE("empty and all-zero tensors are legal") {
    each_compressor([](const auto& compressor) {
        CAPTURE(to_string(compressor));
        for (const Shape& shape : {Shape{0}, Shape{0, 5}, Shape{5, 0}, Shape{2, 0, 3}}) {
            const TernaryTensor t = compressor.compress(xt::xarray<float>(xt::zeros<float>(shape)));
            CHECK(t.shape == shape);
            CHECK(t.codes.empty());
        }
        const TernaryTensor zeros = compressor.compress(xt::xarray<float>(xt::zeros<float>({3, 100})));
        for (const float scale : zeros.scales) CHECK(scale == 0.0f);
        const xt::xarray<float> dense = zeros.dequantize();
        CHECK(xt::all(xt::equal(dense, 0.0f)));
    });
}

TEST_CASE("NaN and infinity are refused by name, flat index and shape, for any number of threads") {
    each_compressor([](const auto& compressor) {
        for (const unsigned threads : {1u, 3u}) {
            xt::xarray<float> w = normal({400, 300}, 5);
            w(7, 11) = std::numeric_limits<float>::infinity();
            w(399, 0) = std::numeric_limits<float>::quiet_NaN();
            CHECK_THROWS_WITH_AS(compressor.compress(w, "layer", execution(threads)),
                                 "layer: inf at flat index 2111 of shape (400, 300)", error);
        }
    });
}

TEST_CASE("weights near the largest float overflow nothing") {
    const xt::xarray<float> w{{3e38f, -3e38f, 1e38f, 3.1e38f}};
    const TernaryTensor t = Compressor{quantizer::AbsMean{}, scale::PerChannel{.storage = DType::F32}}.compress(w);
    CHECK(t.scales[0] == doctest::Approx(2.525e38f));
}

TEST_CASE("a long row, which is worked on in stretches, comes out as its groups do on their own") {
    // 960 columns are one stretch, 3840 and 5120 several, 1088 = 17 groups cannot be cut, 2100 ends in a shorter group.
    for (const std::size_t cols : {960u, 1088u, 2100u, 3840u, 5120u}) {
        INFO(cols, " columns");
        xt::xarray<float> w = normal({3, cols}, 11);
        xt::view(w, 1, xt::range(128, 192)) = 0.0f;
        xt::view(w, 2, xt::range(576, 640)) = 0.25f;
        each_compressor([&](const auto& compressor) {
            INFO(to_string(compressor));
            if (compressor.scale().group(cols) != 64) return;
            for (const Layout packed : {Layout::int8, Layout::trit2, Layout::trit5}) {
                const Compressor chosen{compressor.quantizer(), compressor.sparsity(), compressor.scale(),
                                        layout::Chosen{.layout = packed}};
                const TernaryTensor whole = chosen.compress(w);
                for (std::size_t r = 0; r < 3; ++r)
                    for (std::size_t begin = 0; begin < cols; begin += 64) {
                        const std::size_t end = std::min(cols, begin + 64);
                        const TernaryTensor alone = chosen.compress(xt::view(w, r, xt::range(begin, end)));
                        REQUIRE(whole.scale(r, begin) == alone.scales[0]);
                        std::vector<std::int8_t> codes(cols), expected(end - begin);
                        whole.codes_of_row(r, codes);
                        alone.codes_of_row(0, expected);
                        REQUIRE(std::equal(expected.begin(), expected.end(), codes.begin() + static_cast<std::ptrdiff_t>(begin)));
                    }
            }
        });
    }
}

TEST_CASE("a scale that FP16 cannot hold makes the tensor's scales F32") {
    xt::xarray<float> w = normal({4, 64}, 6);
    const Compressor compressor{quantizer::AbsMean{}};
    CHECK(compressor.compress(w).scale_type == DType::F16);
    xt::view(w, 2) *= 1e-6f;
    const TernaryTensor small = compressor.compress(w);
    CHECK(small.scale_type == DType::F32);
    CHECK(small.scales[2] > 0.0f);
    xt::view(w, 2) *= 1e13f;
    CHECK(compressor.compress(w).scale_type == DType::F32);

    const Compressor exact{quantizer::AbsMean{}, scale::PerChannel{.storage = DType::F32}};
    CHECK(compressor.compress(w) == exact.compress(w));  // none is rounded
}

TEST_CASE("a threshold beyond every weight leaves zeros and a scale of zero") {
    const xt::xarray<float> w{{1.0f, 1.1f, -1.0f, 0.9f}};
    const TernaryTensor row = Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 4.0f}}.compress(w);
    CHECK(row.scales == std::vector<float>{0.0f});
    const TernaryTensor whole =
        Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 4.0f}, scale::PerTensor{}}.compress(w);
    CHECK(whole.scales == std::vector<float>{0.0f});
    CHECK(whole.codes == std::vector<std::uint8_t>{0x55});
}

TEST_CASE("policies are values: printed, compared, replaced") {
    const Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}, scale::PerGroup<64>{}};
    CHECK(to_string(compressor) == "Compressor{absmean{}, fixed{.threshold=0.5}, per_group<64>{.storage=F16}, trit2{}}");
    CHECK(compressor.with(sparsity::Fixed{.threshold = 0.1f}).sparsity().threshold == 0.1f);
    CHECK(compressor.with(sparsity::Fixed{.threshold = 0.1f}) != compressor);
    CHECK(to_string(Compressor{}) == "Compressor{least_squares{}, optimal{}, per_channel{.storage=F16}, trit2{}}");
    CHECK_THROWS_WITH_AS(Compressor(sparsity::Fixed{.threshold = 5.0f}, quantizer::AbsMean{}),
                         "fixed: threshold = 5 is outside [0, 4]", error);
    CHECK_THROWS_AS(compressor.with(sparsity::Fixed{.threshold = -1.0f}), error);
    int roles = 0;
    compressor.each_policy([&](std::string_view, const auto&) { ++roles; });
    CHECK(roles == 7);
    CHECK(compressor.ste() == ste::Identity{});
    CHECK(compressor.optimizer() == optimizer::AdamW{});
}

TEST_CASE("the layout changes bytes and never codes") {
    const xt::xarray<float> w = normal({5, 33}, 8);
    const Compressor compressor{quantizer::RoundClip{}, layout::Chosen{}};
    const xt::xarray<float> two_bits = compressor.compress(w).dequantize();
    for (const Layout layout : {Layout::int8, Layout::trit5}) {
        const TernaryTensor t = compressor.with(layout::Chosen{.layout = layout}).compress(w);
        CHECK(t.layout == layout);
        const xt::xarray<float> dense = t.dequantize();
        CHECK(dense == two_bits);
    }
}

TEST_CASE("a single-precision sum of a million weights stays exact enough to split a hair") {
    // Half of the weights are 1, half are 1 + 2^-10: the mean magnitude is 1 + 2^-11, between the two.
    xt::xarray<float> w = xt::ones<float>({1, 1 << 20});
    xt::view(w, xt::all(), xt::range(0, 1 << 19)) = 1.0f + 0x1p-10f;
    const TernaryTensor t = Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 1.0f}}.compress(w);
    CHECK(distortion(w, t).codes[1] == 1 << 19);
}
