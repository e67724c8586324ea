#include <bitnet/kernel/arch/avx2.hpp>

#include <doctest/doctest.h>

#include <cstdio>

#include <bitnet/kernel/dispatch.hpp>

using namespace bitnet;

TEST_CASE("avx2 kernels put four weights in a byte in the order in which they stand") {
    const Kernels* kernels = kernels_named("avx2");
    if (kernels == nullptr) {
        std::printf("skipped: this machine does not run avx2\n");
        return;
    }
    // One weight that is not zero after the other: each must change its own two bits and no other.
    for (std::size_t place = 0; place < 64; ++place) {
        float w[64] = {};
        w[place] = place % 2 == 0 ? 1.0f : -1.0f;
        const Grid grid{1, 1};
        std::uint8_t bytes[16];
        kernels->encode[static_cast<std::size_t>(Layout::trit2)](w, 64, &grid, 64, bytes);
        for (std::size_t i = 0; i < 16; ++i) {
            const unsigned one = place % 2 == 0 ? 2 : 0;
            const unsigned shift = static_cast<unsigned>(2 * (place % 4));
            CHECK(bytes[i] == (i == place / 4 ? (0x55u & ~(3u << shift)) | one << shift : 0x55u));
        }
    }
}
