#include <bitnet/kernel/silu.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

TEST_CASE("x / (1 + e^-x) of every kernel is that of double arithmetic, far out too") {
    for (const bitnet::Kernels* kernels : bitnet::available_kernels()) {
        CAPTURE(kernels->arch);
        std::vector<float> x(2001), y;
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * 0.1f - 100.0f;
        y = x;
        kernels->silu(y.data(), y.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double exact = static_cast<double>(x[i]) / (1 + std::exp(-static_cast<double>(x[i])));
            CHECK(std::fabs(static_cast<double>(y[i]) - exact) <= 1e-6 * std::fabs(exact) + 1e-30);
        }
    }
}
