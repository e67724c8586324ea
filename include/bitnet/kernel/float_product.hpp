/// Products of packed trits and activations in float.
#pragma once

#include <bitnet/kernel/activations.hpp>
#include <bitnet/kernel/arch/float_codes.hpp>
#include <bitnet/kernel/ternary_product.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Columns whose codes are unpacked at a time: ends a byte of every layout and a block of activations.
inline constexpr std::size_t float_piece = 2560;

/// n <= float_piece codes as floats in the order of FloatActivations; zeros, or what finite number there was, behind
/// them.
template <class Arch, class Codec>
BITNET_INLINE void float_codes(const std::uint8_t* bytes, std::size_t n, float* codes) noexcept {
    std::size_t whole = 0;
    if constexpr (std::is_same_v<Codec, pack::Trit2>)
        for (; whole + float_block <= n; whole += float_block)
            FloatCodes<Arch>::trit2(bytes + whole / 4, codes + whole);
    if (whole == n) return;
    std::int8_t q[float_piece];
    decode<Arch, Codec>(bytes + whole / Codec::codes_per_byte, n - whole, q);
    const std::size_t padded = (n - whole + float_block - 1) / float_block * float_block;
    for (std::size_t i = n - whole; i < padded; ++i) q[i] = 0;
    for (std::size_t begin = 0; begin < padded; begin += float_block)
        for (std::size_t i = 0; i < float_block / 4; ++i)
            unroll<4>([&](auto k) {
                codes[whole + begin + float_block / 4 * k + i] = static_cast<float>(q[begin + 4 * i + k]);
            });
}

/// Σ code·x in 32 float lanes, one for each place in a block. A code times a float is exact, so that fused additions
/// change nothing.
template <class Arch, std::size_t Tokens>
struct PlaceLanes {
    using O = Ops<Arch>;
    FloatLanes<Arch, float_block> of[Tokens];

    /// Whole blocks.
    BITNET_INLINE void add(const float* codes, const float* const* x, std::size_t begin, std::size_t end) noexcept {
        for (std::size_t c = begin; c < end; c += float_block)
            unroll<FloatLanes<Arch, float_block>::batches>([&](auto i) {
                const auto code = O::load(codes + c + i * O::floats);
                unroll<Tokens>([&](auto t) { of[t].lane[i] = of[t].lane[i] + code * O::load(x[t] + c + i * O::floats); });
            });
    }
    /// A part of a block: nothing is added in the places of columns before `begin` or from `end` on.
    BITNET_INLINE void add_part(const float* codes, const float* const* x, std::size_t begin, std::size_t end) noexcept {
        const std::size_t block = begin / float_block * float_block;
        float masked[float_block] = {};
        for (std::size_t c = begin; c < end; ++c) masked[float_place(c)] = 1;
        float part[Tokens][float_block];
        const float* parts[Tokens];
        for (std::size_t i = 0; i < float_block; ++i) {
            const float code = codes[block + i] * masked[i];
            for (std::size_t t = 0; t < Tokens; ++t) part[t][i] = masked[i] > 0 ? x[t][block + i] : 0.0f;
            masked[i] = code;
        }
        for (std::size_t t = 0; t < Tokens; ++t) parts[t] = part[t];
        add(masked, parts, 0, float_block);
    }
    BITNET_INLINE void clear() noexcept {
        for (auto& lanes : of) lanes = {};
    }
};

/// One row with tokens [t, t + Tokens).
template <class Arch, class Codec, std::size_t Tokens>
BITNET_INLINE void float_row(const TernaryMatrix& w, std::size_t row, const FloatActivations& x, std::size_t t, float* y,
                      std::size_t stride) noexcept {
    const std::size_t group = w.group_cols();
    const std::uint8_t* const packed = w.codes.data() + row * pack::row_bytes<Codec>(w.cols);
    const float* const scales = w.row_scales(row);
    PlaceLanes<Arch, Tokens> lanes;
    GroupLanes<Arch> sums[Tokens];
    alignas(64) float codes[float_piece];
    std::size_t g = 0;
    for (std::size_t begin = 0; begin < w.cols; begin += float_piece) {
        const std::size_t count = std::min(float_piece, w.cols - begin);
        float_codes<Arch, Codec>(packed + begin / Codec::codes_per_byte, count, codes);
        const float* activations[Tokens];
        for (std::size_t i = 0; i < Tokens; ++i) activations[i] = x.token(t + i) + begin;
        for (std::size_t c = 0; c < count;) {
            const std::size_t left = std::min(w.cols, (g + 1) * group) - begin - c;  // to the group's end
            const std::size_t stop = std::min(count, c + left);
            const std::size_t in_block = c % float_block;
            const std::size_t whole = in_block == 0 ? (stop - c) / float_block * float_block : 0;
            if (whole != 0) lanes.add(codes, activations, c, c + whole);
            else lanes.add_part(codes, activations, c, std::min(stop, c - in_block + float_block));
            c = whole != 0 ? c + whole : std::min(stop, c - in_block + float_block);
            if (begin + c != std::min(w.cols, (g + 1) * group)) continue;
            for (std::size_t i = 0; i < Tokens; ++i) sums[i].add(g, scales[g], lanes.of[i].total());
            lanes.clear();
            ++g;
        }
    }
    for (std::size_t i = 0; i < Tokens; ++i) y[(t + i) * stride + row] = static_cast<float>(sums[i].total());
}

/// y[t·stride + r] = Σ_g scale[r][g] · (Σ_{c in g} code[r][c] · x[t][c]) for rows [first, last) and all tokens.
///
/// The inner sums are floats in 32 lanes, lane 8·(c % 4) + (c % 32) / 4 takes a group's columns in order, lanes folded
/// halves on halves; the outer one is added in double as that of int8_product. Every Arch, and every layout, writes the
/// same bits. w: of layout Codec; x: of w.cols columns. Other rows' outputs are not touched.
template <class Arch, class Codec>
void float_product(const TernaryMatrix& w, std::size_t first, std::size_t last, const FloatActivations& x, float* y,
                   std::size_t stride) noexcept {
    const std::size_t step = rows_in_cache<Arch>(pack::row_bytes<Codec>(w.cols));
    for (std::size_t begin = first; begin < last; begin += step) {
        const std::size_t end = std::min(last, begin + step);
        std::size_t t = 0;
        for (; t + 2 <= x.tokens; t += 2)
            for (std::size_t row = begin; row < end; ++row) float_row<Arch, Codec, 2>(w, row, x, t, y, stride);
        for (; t < x.tokens; ++t)
            for (std::size_t row = begin; row < end; ++row) float_row<Arch, Codec, 1>(w, row, x, t, y, stride);
    }
}

}  // namespace bitnet::inline BITNET_ABI::kernel
