#include <bitnet/kernel/decode.hpp>

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>

using namespace bitnet;

namespace {

template <class Codec>
void check_round_trip(unsigned seed) {
    std::mt19937 random(seed);
    for (std::size_t n = 0; n <= 300; ++n) {
        std::vector<std::int8_t> q(n);
        for (auto& code : q) code = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
        std::vector<std::uint8_t> bytes(pack::row_bytes<Codec>(n) + 1);  // one byte off any alignment
        Codec::template pack<void>(q, std::span(bytes).subspan(1));
        q.push_back(9);  // stands behind the row and must not be written
        for (const Kernels* kernels : available_kernels()) {
            INFO(kernels->arch, ", ", Codec::name, ", ", n, " codes, seed ", seed);
            std::vector<std::int8_t> decoded(n + 1, 9);
            kernels->decode[static_cast<std::size_t>(Codec::layout)](bytes.data() + 1, n, decoded.data());
            CHECK(decoded == q);
        }
    }
}

}  // namespace

TEST_CASE("codes come back out of the bytes of every layout") {
    check_round_trip<pack::Int8>(6);
    check_round_trip<pack::Trit2>(7);
    check_round_trip<pack::Trit5>(8);
}
