#include <bitnet/kernel/arch/trit2_dots.hpp>

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

using namespace bitnet;

TEST_CASE("each two bits of a byte meet the activation of their column") {
    // One activation that is not zero after the other: each must meet its own two bits and no other.
    const unsigned seed = 71;
    INFO("seed ", seed);
    std::mt19937 random(seed);
    std::vector<std::uint8_t> codes(128);
    for (auto& byte : codes) byte = static_cast<std::uint8_t>(random() % 3 | (random() % 3) << 2 | (random() % 3) << 4 | (random() % 3) << 6);
    for (std::size_t col = 0; col < 512; ++col) {
        std::vector<std::int8_t> planes(512, 0);
        planes[col / 256 * 256 + 64 * (col % 4) + col % 256 / 4] = -127;
        const std::int8_t* const x[] = {planes.data()};
        for (const std::size_t unit : std::to_array<std::size_t>({64, 128, 256, 512})) {
            const kernel::Trit2Rows rows{codes.data(), 128, 128, 512, 0, unit, 512 / unit};
            std::int32_t sums[1][kernel::dots_at_once], plain[1][kernel::dots_at_once];
            kernel::Dots<arch::Default>::trit2<1, 1>(rows, x, sums);
            kernel::Dots<arch::Scalar>::trit2<1, 1>(rows, x, plain);
            for (std::size_t u = 0; u < 512 / unit; ++u) {
                const int expected = u == col / unit ? -127 * (codes[col / 4] >> (2 * (col % 4)) & 3) : 0;
                CHECK(sums[0][u] == expected);
                CHECK(plain[0][u] == expected);
            }
        }
    }
}

TEST_CASE("codes and activations in natural order have exact dot products at every length") {
    std::vector<std::int8_t> q, x;
    std::int32_t expected = 0;
    for (int n = 0; n <= 300; ++n) {
        CHECK(kernel::Dots<arch::Default>::natural(q.data(), x.data(), q.size()) == expected);
        q.push_back(static_cast<std::int8_t>(n % 3 - 1));
        x.push_back(static_cast<std::int8_t>(n * 37 % 255 - 127));
        expected += q.back() * x.back();
    }
}
