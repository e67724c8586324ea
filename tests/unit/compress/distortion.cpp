#include <bitnet/compress/distortion.hpp>

#include <doctest/doctest.h>

#include <random>

#include <bitnet/compress/compressor.hpp>
#include <bitnet/policy/quantizer/abs_mean.hpp>
#include <bitnet/policy/scale/per_group.hpp>
#include <bitnet/policy/scale/per_tensor.hpp>

using namespace bitnet;

namespace {
xt::xarray<float> sample(unsigned seed, std::size_t rows, std::size_t cols) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    xt::xarray<float> out = xt::zeros<float>({rows, cols});
    for (float& x : out) x = normal(random);
    return out;
}

template <class C>
void check_against_definition(const C& compressor) {
    const xt::xarray<float> w = sample(9, 70, 333);
    const TernaryTensor t = compressor.compress(w);
    const xt::xarray<float> image = t.dequantize();
    double error = 0, signal = 0, product = 0, level = 0, largest = 0, zeros = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double x = static_cast<double>(w.flat(i)), y = static_cast<double>(image.flat(i));
        error += (x - y) * (x - y);
        signal += x * x;
        product += x * y;
        level += y * y;
        largest = std::max(largest, std::fabs(x - y));
        zeros += y == 0 ? 1 : 0;
    }
    const Distortion d = distortion(w, t);
    CHECK(d.relative_error() == doctest::Approx(std::sqrt(error / signal)).epsilon(1e-6));
    CHECK(d.cosine() == doctest::Approx(product / std::sqrt(signal * level)).epsilon(1e-6));
    CHECK(d.sqnr_db() == doctest::Approx(10 * std::log10(signal / error)).epsilon(1e-6));
    CHECK(d.max_error() == doctest::Approx(largest).epsilon(1e-6));
    CHECK(d.zeros() == doctest::Approx(zeros / static_cast<double>(w.size())));
    CHECK(d.share(-1) + d.share(0) + d.share(1) == doctest::Approx(1.0));
    CHECK(distortion(w, t, execution(3)).sums == d.sums);
}
}  // namespace

TEST_CASE("every figure is what its definition says") {
    check_against_definition(Compressor{quantizer::AbsMean{}});
    check_against_definition(Compressor{quantizer::AbsMean{}, scale::PerGroup<64>{}, pack::Trit5{}});
    check_against_definition(Compressor{scale::PerTensor{}, pack::Int8{}});
}

TEST_CASE("no error is an infinite ratio, and an empty tensor has no shares") {
    const xt::xarray<float> w{{0.5f, -0.5f, 0.0f, 0.5f}};
    const Distortion none = distortion(w, Compressor{}.compress(w));
    CHECK(none.relative_error() == 0.0);
    CHECK(std::isinf(none.sqnr_db()));
    CHECK(none.cosine() == doctest::Approx(1.0));
    CHECK(Distortion{}.zeros() == 0.0);
    CHECK(Distortion{}.cosine() == 1.0);
    const xt::xarray<float> empty = xt::zeros<float>({0, 4});
    CHECK(distortion(empty, Compressor{}.compress(empty)).count() == 0);
}

TEST_CASE("only tensors of one shape are compared") {
    const xt::xarray<float> w = sample(1, 2, 3), v = sample(1, 3, 2);
    CHECK_THROWS_WITH_AS(distortion(v, Compressor{}.compress(w)),
                         "tensor: shape (3, 2) is compared with a compressed tensor of shape (2, 3)", error);
}
