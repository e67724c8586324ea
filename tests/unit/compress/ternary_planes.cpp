#include <bitnet/compress/ternary_planes.hpp>

#include <vector>

#include <doctest/doctest.h>

#include <bitnet/compress.hpp>
#include <bitnet/core/rng.hpp>

using namespace bitnet;

TEST_CASE("weights are the sum of the planes', turned back where they were rotated") {
    Random random(1);
    std::vector<float> w(4 * 64);
    for (float& x : w) x = random.normal();
    const TensorView view{"w", DType::F32, Shape{4, 64}, std::as_bytes(std::span(w))};
    TernaryPlanes sum(Compressor{scale::PerGroup<16>{}}.compress(view));
    sum.planes.push_back(Compressor{scale::PerChannel{}}.compress(view));
    CHECK(sum.rows() == 4);
    CHECK(sum.cols() == 64);
    CHECK(sum.stored_bytes() == sum.planes[0].stored_bytes() + sum.planes[1].stored_bytes());
    std::vector<float> one(64), other(64), all(64);
    sum.planes[0].dequantize_row(2, one);
    sum.planes[1].dequantize_row(2, other);
    sum.dequantize_row(2, all);
    for (std::size_t c = 0; c < 64; ++c) CHECK(all[c] == one[c] + other[c]);
    sum.rotation = {64, 3};
    std::vector<float> turned(64);
    sum.dequantize_row(2, turned);
    sum.rotation.apply(std::span(turned));
    for (std::size_t c = 0; c < 64; ++c) CHECK(turned[c] == doctest::Approx(all[c]).epsilon(1e-5));
}
