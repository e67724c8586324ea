#include <bitnet/kernel/arch/float_codes.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("every byte of trit2 becomes four floats, one in each plane") {
    for (unsigned byte = 0; byte < 256; ++byte) {
        if ((byte & byte >> 1 & 0x55) != 0) continue;  // never written
        std::uint8_t bytes[8] = {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};
        bytes[byte % 8] = static_cast<std::uint8_t>(byte);
        float codes[32], plain[32];
        kernel::FloatCodes<arch::Default>::trit2(bytes, codes);
        kernel::FloatCodes<arch::Scalar>::trit2(bytes, plain);
        for (std::size_t i = 0; i < 32; ++i) {
            const unsigned bits = i % 8 == byte % 8 ? byte >> 2 * (i / 8) & 3 : 1;
            CHECK(codes[i] == static_cast<float>(static_cast<int>(bits) - 1));
            CHECK(plain[i] == codes[i]);
        }
    }
}
