#include <bitnet/kernel/widen.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

using namespace bitnet;

namespace {

/// Equal to the last bit, or both NaN.
bool same(float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) || (std::isnan(x) && std::isnan(y));
}

template <class Float16>
void check_widen(Kernels::Widen* Kernels::*widen) {
    std::vector<std::byte> in(2 * 65536 + 1);  // from the second byte on: halves at odd addresses
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const auto value = static_cast<std::uint16_t>(bits);
        std::memcpy(&in[1 + 2 * bits], &value, 2);
    }
    for (const Kernels* kernels : available_kernels()) {
        INFO(kernels->arch);
        std::vector<float> out(65536);
        (kernels->*widen)(&in[1], out.data(), out.size());
        int wrong = 0;
        for (unsigned bits = 0; bits < 65536; ++bits)
            wrong += same(out[bits], to_float(Float16{static_cast<std::uint16_t>(bits)})) ? 0 : 1;
        CHECK(wrong == 0);
        for (std::size_t n = 0; n <= 50; ++n) {
            std::vector<float> row(n + 1, 9.0f), expected(n + 1, 9.0f);
            for (std::size_t i = 0; i < n; ++i) expected[i] = to_float(Float16{static_cast<std::uint16_t>(1000 + i)});
            (kernels->*widen)(&in[2001], row.data(), n);
            CHECK(row == expected);
        }
    }
}

}  // namespace

TEST_CASE("all 65,536 halves widen exactly, at odd addresses too") { check_widen<Half>(&Kernels::widen_f16); }

TEST_CASE("all 65,536 bfloat16 widen exactly, at odd addresses too") { check_widen<BFloat16>(&Kernels::widen_bf16); }
