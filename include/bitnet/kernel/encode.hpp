/// Weights to codes, and codes straight into packed bytes.
#pragma once

#include <algorithm>
#include <span>

#include <bitnet/core/grid.hpp>
#include <bitnet/kernel/arch/ops.hpp>
#include <bitnet/pack/int8.hpp>
#include <bitnet/pack/trit2.hpp>
#include <bitnet/pack/trit5.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// A `keep` for which ±0 has code 0 without a third comparison; NaN stays NaN and keeps nothing.
BITNET_INLINE constexpr float positive_keep(float keep) noexcept {
    constexpr float smallest = std::bit_cast<float>(1u);
    return keep < smallest ? smallest : keep;
}

/// q[i] = 0 where |w[i]| < keep, else the sign of w[i]. n weights at any alignment, n codes.
template <class Arch>
void codes(const float* w, std::size_t n, float keep, std::int8_t* q) noexcept {
    keep = positive_keep(keep);
    const std::size_t whole = n - n % code_block;
    for (std::size_t i = 0; i < whole; i += code_block) Ops<Arch>::codes(w + i, keep, keep, q + i);
    for (std::size_t i = whole; i < n; ++i) q[i] = code_of(w[i], keep);
}

/// n codes to bytes, the same as Codec::pack writes, several codes at a time.
template <class Arch, class Codec>
BITNET_INLINE void pack_codes(const std::int8_t* q, std::size_t n, std::uint8_t* out) noexcept {
    std::size_t whole = 0;
    if constexpr (std::is_same_v<Codec, pack::Trit5> && !std::is_same_v<Arch, arch::Scalar>) {
        for (; whole + 8 <= n; whole += 5) {  // eight bytes are read for five codes
            std::uint64_t five;
            std::memcpy(&five, q + whole, 8);
            // In each byte code + 1. The product's byte 4 is 81·c0 + 27·c1 + 9·c2 + 3·c3 + c4; lower ones do not carry.
            five = ((five & 0x0303030303u) + 0x0101010101u) & 0x0303030303u;
            const std::uint32_t v = static_cast<std::uint32_t>(five * 0x51'1b09'0301u >> 32 & 0xffu);
            *out++ = static_cast<std::uint8_t>((256 * v + 242) / 243);
        }
    }
    Codec::template pack<Arch>(std::span(q + whole, n - whole), std::span(out, pack::row_bytes<Codec>(n - whole)));
}

/// 64 weights at a time: whole(w, keep_0, keep_1, begin), and rest(...) for the last ones, filled up with zeros.
/// Half a block has one grid, so `group` is a multiple of 32 or at least n.
template <class Arch, class Whole, class Rest>
BITNET_INLINE void for_each_block(const float* w, std::size_t n, const Grid* grids, std::size_t group, Whole&& whole,
                                  Rest&& rest) {
    const auto keep_at = [&](std::size_t i) { return positive_keep(grids[i / group].keep); };
    std::size_t begin = 0;
    if (group % code_block == 0 || group >= n) {
        for (const Grid* grid = grids; begin + code_block <= n; ++grid) {
            const float keep = positive_keep(grid->keep);
            const std::size_t end = begin + std::min(group, n - begin);
            for (; begin + code_block <= end; begin += code_block) whole(w + begin, keep, keep, begin);
        }
    } else {
        for (; begin + code_block <= n; begin += code_block)
            whole(w + begin, keep_at(begin), keep_at(begin + code_block / 2), begin);
    }
    if (begin == n) return;
    float padded[code_block] = {};
    std::memcpy(padded, w + begin, sizeof(float) * (n - begin));
    const std::size_t second = begin + code_block / 2;
    rest(padded, keep_at(begin), second < n ? keep_at(second) : 0.0f, begin);
}

/// Codes of a row for any group, through a buffer of a length that ends every layout's bytes.
template <class Arch, class Codec, std::size_t Streams>
[[gnu::noinline]] void encode_through_buffer(const float* w, std::size_t n, const Grid* grids, std::size_t group,
                                             std::uint8_t* out) noexcept {
    constexpr std::size_t length = 640;
    const Ahead<Streams> ahead(w, n, Ahead<Streams>::Half::codes);
    std::int8_t q[length];
    std::size_t left = group;
    for (std::size_t begin = 0; begin < n; begin += length) {
        const std::size_t end = std::min(n, begin + length);
        for (std::size_t i = begin; i < end;) {
            if (left == 0) {
                ++grids;
                left = group;
            }
            const std::size_t run = std::min(left, end - i);
            codes<Arch>(w + i, run, grids->keep, q + (i - begin));
            left -= run;
            i += run;
        }
        for (std::size_t i = begin; i < end; i += 64) ahead.lines_of_64(i);
        pack_codes<Arch, Codec>(q, end - begin, out);
        out += length / Codec::codes_per_byte;
    }
}

/// The same 64 at a time, where groups end with halves of those.
template <class Arch, class Codec, std::size_t Streams>
[[gnu::noinline]] void encode_blocks(const float* w, std::size_t n, const Grid* grids, std::size_t group, std::uint8_t* out) noexcept {
    const auto block = [&](const float* from, float keep_0, float keep_1, std::uint8_t* to) {
        if constexpr (std::is_same_v<Codec, pack::Trit2>) Ops<Arch>::trit2(from, keep_0, keep_1, to);
        else Ops<Arch>::codes(from, keep_0, keep_1, reinterpret_cast<std::int8_t*>(to));
    };
    const Ahead<Streams> ahead(w, n, Ahead<Streams>::Half::codes);
    for_each_block<Arch>(
        w, n, grids, group,
        [&](const float* from, float keep_0, float keep_1, std::size_t begin) {
            ahead.lines_of_64(begin);
            block(from, keep_0, keep_1, out + begin / Codec::codes_per_byte);
        },
        [&](const float* padded, float keep_0, float keep_1, std::size_t begin) {
            std::uint8_t bytes[code_block];
            block(padded, keep_0, keep_1, bytes);
            std::memcpy(out + begin / Codec::codes_per_byte, bytes, pack::row_bytes<Codec>(n - begin));
        });
}

/// Quantizes and packs one row: the g-th `group` consecutive weights by grids[g], the last of which may be fewer.
///
/// The row is taken from cache, after its sums, while what comes after it is prefetched. w: n weights; grids:
/// ceil(n / group), group >= 1; out: pack::row_bytes<Codec>(n) bytes.
template <class Arch, class Codec>
void encode(const float* w, std::size_t n, const Grid* grids, std::size_t group, std::uint8_t* out) noexcept {
    const auto with = [&](auto streams) {
        if (std::is_same_v<Codec, pack::Trit5> || (group % (code_block / 2) != 0 && group < n))
            encode_through_buffer<Arch, Codec, streams>(w, n, grids, group, out);
        else
            encode_blocks<Arch, Codec, streams>(w, n, grids, group, out);
    };
    if (group < streaming_group) with(std::integral_constant<std::size_t, 1>{});
    else with(std::integral_constant<std::size_t, 4>{});
}

}  // namespace bitnet::inline BITNET_ABI::kernel
