/// Packed bytes back to codes.
#pragma once

#include <array>
#include <span>

#include <bitnet/kernel/arch/ops.hpp>
#include <bitnet/pack/int8.hpp>
#include <bitnet/pack/trit2.hpp>
#include <bitnet/pack/trit5.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// The codes of every byte, eight places each so that one of them is one load.
template <class Arch, class Codec>
inline constexpr auto codes_of_byte = [] {
    std::array<std::array<std::int8_t, 8>, 256> table{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        const std::uint8_t in[] = {static_cast<std::uint8_t>(byte)};
        Codec::template unpack<Arch>(in, std::span(table[byte].data(), Codec::codes_per_byte));
    }
    return table;
}();

/// n codes of one packed row, the same as Codec::unpack reads. bytes: pack::row_bytes<Codec>(n) of them, checked by
/// the caller: a byte that pack never writes gives codes that are not -1, 0 or 1.
template <class Arch, class Codec>
void decode(const std::uint8_t* bytes, std::size_t n, std::int8_t* q) noexcept {
    std::size_t whole = 0;
    if constexpr (!std::is_same_v<Codec, pack::Int8> && !std::is_same_v<Arch, arch::Scalar>) {
        constexpr std::size_t step = Codec::codes_per_byte;
        for (; whole + 8 <= n; whole += step)  // eight codes are written, the next byte's over the last of them
            std::memcpy(q + whole, codes_of_byte<Arch, Codec>[*bytes++].data(), 8);
    }
    Codec::template unpack<Arch>(std::span(bytes, pack::row_bytes<Codec>(n - whole)), std::span(q + whole, n - whole));
}

}  // namespace bitnet::inline BITNET_ABI::kernel
