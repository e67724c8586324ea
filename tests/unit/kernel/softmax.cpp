#include <bitnet/kernel/softmax.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

TEST_CASE("probabilities of every kernel are those of double arithmetic, with their largest number and sum") {
    for (const bitnet::Kernels* kernels : bitnet::available_kernels())
        for (std::size_t n = 1; n < 70; ++n) {
            CAPTURE(kernels->arch);
            CAPTURE(n);
            std::vector<float> x(n), p(n);
            double sum = 0, largest = -1e9;
            for (std::size_t i = 0; i < n; ++i) {
                x[i] = static_cast<float>(9 * std::sin(static_cast<double>(7 * i + n)));
                largest = std::max(largest, static_cast<double>(x[i]));
            }
            for (const float value : x) sum += std::exp(static_cast<double>(value) - largest);
            const bitnet::SoftmaxSums<float> sums = kernels->softmax(x.data(), n, p.data());
            CHECK(static_cast<double>(sums.largest) == largest);
            CHECK(static_cast<double>(sums.sum) == doctest::Approx(sum).epsilon(1e-6));
            for (std::size_t i = 0; i < n; ++i)
                CHECK(std::fabs(static_cast<double>(p[i]) - std::exp(static_cast<double>(x[i]) - largest) / sum) < 3e-7);
            kernels->softmax(x.data(), n, x.data());
            CHECK(x == p);
        }
}
