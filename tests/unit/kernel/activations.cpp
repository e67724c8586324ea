#include <bitnet/kernel/activations.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/kernel/multiply.hpp>

#include "matrices.hpp"

using namespace bitnet;

namespace {

TernaryMatrix shape_only(Layout layout, std::size_t cols, std::size_t group) {
    TernaryMatrix w;
    w.layout = layout;
    w.cols = cols;
    w.group = group;
    return w;
}

std::int8_t activation(const Int8Activations& x, std::size_t t, std::size_t c) {
    const bool planes = x.order == ActivationOrder::planes;
    return x.token(t)[planes ? c / 256 * 256 + c % 4 * 64 + c % 256 / 4 : c];
}

}  // namespace

TEST_CASE("activations are rounded to int8 by the largest of their token, ties to even") {
    const std::vector<float> x{127, -127, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 3.49f, 0, 63.5f, 0, 0, 1, -1, 0.25f, 0, 0, 0, 0, 0};
    const std::array<int, 20> expected{127, -127, 0, 2, 2, 0, -2, 3, 0, 64, 0, 0, 127, -127, 32, 0, 0, 0, 0, 0};
    for (const Layout layout : {Layout::trit2, Layout::trit5})
        for (const Kernels* kernels : available_kernels()) {
            Int8Activations out;
            prepare(out, x, shape_only(layout, 10, 10), *kernels);
            REQUIRE(out.tokens == 2);
            CHECK(out.scales == std::vector<float>{1, 127});
            for (std::size_t i = 0; i < 20; ++i) CHECK(activation(out, i / 10, i % 10) == expected[i]);
        }
}

TEST_CASE("tokens of nothing but zeros or of tiny values are clamped, those that are not finite have the scale NaN") {
    const float bad[] = {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
    const std::vector<float> x{0, -0.0f, 1e-6f, -1e-5f, bad[0], 1, -1, bad[1], std::numeric_limits<float>::max(), -1};
    for (const Kernels* kernels : available_kernels()) {
        Int8Activations out;
        prepare(out, x, shape_only(Layout::trit2, 2, 64), *kernels);
        CHECK(out.scales[0] == 127.0f / 1e-5f);
        CHECK(activation(out, 0, 0) == 0);
        CHECK(activation(out, 1, 0) == 13);
        CHECK(activation(out, 1, 1) == -127);
        CHECK(std::isnan(out.scales[2]));
        CHECK(std::isnan(out.scales[3]));
        for (const std::size_t t : std::to_array<std::size_t>({2, 3})) CHECK(out.sums[t] == 0);
        CHECK(activation(out, 4, 0) == 127);
        CHECK(activation(out, 4, 1) == 0);
    }
}

TEST_CASE("prepared activations and their sums are the same on every instruction set, with zeros behind the last") {
    const unsigned seed = 41;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    for (const std::size_t cols : std::to_array<std::size_t>({1, 31, 64, 100, 255, 256, 257, 1000}))
        for (const std::size_t group : std::to_array<std::size_t>({1, 64, 128, 192, 1000})) {
            const auto x = matrices::random_activations(random, 3 * cols);
            const TernaryMatrix w = shape_only(Layout::trit2, cols, group);
            Int8Activations expected;
            FloatActivations expected_floats;
            prepare(expected, x, w, *kernels_named("scalar"));
            prepare(expected_floats, x, w, *kernels_named("scalar"));
            const std::size_t padded = expected.blocks_per_token() * 256;
            for (std::size_t t = 0; t < 3; ++t) {
                std::vector<std::int32_t> sums(expected.groups(), 0);
                for (std::size_t c = 0; c < padded; ++c) {
                    if (c >= cols) CHECK(activation(expected, t, c) == 0);
                    else sums[c / expected.group] += activation(expected, t, c);
                }
                if (expected.order == ActivationOrder::planes)
                    for (std::size_t g = 0; g < sums.size(); ++g) CHECK(expected.sums[t * sums.size() + g] == sums[g]);
                for (std::size_t c = 0; c < cols; ++c)
                    CHECK(expected_floats.token(t)[c / 32 * 32 + kernel::float_place(c)] == x[t * cols + c]);
            }
            for (const Kernels* kernels : available_kernels()) {
                INFO(kernels->arch, ", ", cols, " columns in groups of ", group);
                Int8Activations out;
                FloatActivations floats;
                prepare(out, x, w, *kernels);
                prepare(floats, x, w, *kernels);
                CHECK(out.scales == expected.scales);
                CHECK(out.sums == expected.sums);
                CHECK(std::memcmp(out.token(0), expected.token(0), 3 * padded) == 0);
                CHECK(std::memcmp(floats.token(0), expected_floats.token(0), floats.blocks.size() * 128) == 0);
            }
        }
}

TEST_CASE("activations stand in planes where the layout is trit2 and scales end where vectors may") {
    for (const std::size_t group : std::to_array<std::size_t>({64, 128, 192, 512, 640, 768, 1000, 4096}))
        CHECK(activation_order(shape_only(Layout::trit2, 1000, group)) == ActivationOrder::planes);
    for (const std::size_t group : std::to_array<std::size_t>({1, 32, 100, 576}))
        CHECK(activation_order(shape_only(Layout::trit2, 1000, group)) == ActivationOrder::natural);
    for (const Layout layout : {Layout::int8, Layout::trit5})
        CHECK(activation_order(shape_only(layout, 1000, 64)) == ActivationOrder::natural);
}
