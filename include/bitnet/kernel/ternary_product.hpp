/// Products of packed trits and int8 activations: exact integer dot products, one for each scale.
#pragma once

#include <bitnet/kernel/activations.hpp>
#include <bitnet/kernel/arch/trit2_dots.hpp>
#include <bitnet/kernel/decode.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Σ scale·dot of one row and token in eight double lanes: lane g % 8 takes the groups in order, total() folds halves
/// on halves. A float times a 29-bit integer is exact in a double, so that fused additions change nothing.
template <class Arch>
struct GroupLanes {
    double lane[8] = {};

    template <class Number>
    BITNET_INLINE void add(std::size_t g, float scale, Number dot) noexcept {
        lane[g % 8] += static_cast<double>(scale) * static_cast<double>(dot);
    }
    BITNET_INLINE double total() const noexcept {
        return folded<Arch>(lane);
    }
};

/// What all tiles of a product in trit2 have in common. A group is one dot product where vectors can end with it, else
/// `units` of them, of 64 or 128 columns each.
struct Trit2Shape {
    std::size_t groups, group, row_bytes, scales_per_row, unit, units;

    BITNET_INLINE explicit Trit2Shape(const TernaryMatrix& w) noexcept
        : groups(w.groups()),
          group(w.group_cols()),
          row_bytes(pack::row_bytes<pack::Trit2>(w.cols)),
          scales_per_row(w.whole_tensor ? 0 : groups),
          unit(groups <= 1 || group % 256 == 0 ? group : group % 128 == 0 ? 128 : 64),
          units(group / unit) {}
};

/// Adds up the `units` dot products of each group.
template <class Arch>
BITNET_INLINE void join_units(std::int32_t* dots, std::size_t count, std::size_t units) noexcept {
    for (std::size_t u = 0; u < count; ++u) {
        const std::int32_t dot = dots[u];
        dots[u / units] = u % units == 0 ? dot : dots[u / units] + dot;
    }
}

/// Rows [row, row + Rows) with tokens [t, t + Tokens), activations in planes.
template <class Arch, std::size_t Rows, std::size_t Tokens>
BITNET_INLINE void trit2_tile(const TernaryMatrix& w, const Trit2Shape& shape, std::size_t row,
                              const Int8Activations& x, std::size_t t, float* y, std::size_t stride) noexcept {
    const std::size_t step = shape.units == 1 ? dots_at_once : 8;  // groups
    Trit2Rows rows{w.codes.data() + row * shape.row_bytes, shape.row_bytes, w.codes.size() - row * shape.row_bytes,
                   w.cols, 0, shape.unit, 0};
    const std::int8_t* activations[Tokens];
    for (std::size_t i = 0; i < Tokens; ++i) activations[i] = x.token(t + i);
    double lanes[Rows * Tokens][8] = {};  // as those of GroupLanes
    for (std::size_t g = 0; g < shape.groups; g += step) {
        const std::size_t count = std::min(step, shape.groups - g);
        alignas(64) std::int32_t dots[Rows * Tokens][dots_at_once];
        rows.begin = g * shape.group;
        rows.count = shape.units == 1 ? count
                                      : std::min(count * shape.units, (w.cols - rows.begin + shape.unit - 1) / shape.unit);
        Dots<Arch>::template trit2<Rows, Tokens>(rows, activations, dots);
        unroll<Rows * Tokens>([&](auto i) __attribute__((always_inline)) {
            std::int32_t* const d = dots[i];
            if (shape.units != 1) join_units<Arch>(d, rows.count, shape.units);
            const float* const scales = w.scales.data() + (row + i / Tokens) * shape.scales_per_row + g;
            const std::int32_t* const sums = x.sums.data() + (t + i % Tokens) * shape.groups + g;
            Dots<Arch>::add_groups(scales, d, sums, count, lanes[i]);
        });
    }
    if constexpr (Tokens == 4) {
        for (std::size_t r = 0; r < Rows; ++r) {
            float out[4];
            Dots<Arch>::totals(lanes + 4 * r, x.scales.data() + t, out);
            unroll<4>([&](auto i) __attribute__((always_inline)) { y[(t + i) * stride + row + r] = out[i]; });
        }
    } else {
        unroll<Rows * Tokens>([&](auto i) __attribute__((always_inline)) {
            y[(t + i % Tokens) * stride + row + i / Tokens] =
                static_cast<float>(folded<Arch>(lanes[i]) / static_cast<double>(x.scales[t + i % Tokens]));
        });
    }
}

/// Rows whose codes stay in the second cache while all tokens are multiplied by them.
template <class Arch>
BITNET_INLINE std::size_t rows_in_cache(std::size_t row_bytes) noexcept {
    return std::max<std::size_t>(1, (std::size_t{1} << 17) / std::max<std::size_t>(1, row_bytes));
}

/// trit2 with activations in planes: four tokens at a time share the unpacking of two rows, which share their
/// activations. A single token has rows by two as well: one and four are 5 to 10 % slower out of cache, see
/// bench/kernel/ternary_product.cpp.
template <class Arch>
BITNET_INLINE void trit2_product(const TernaryMatrix& w, std::size_t first, std::size_t last, const Int8Activations& x,
                          float* y, std::size_t stride) noexcept {
    const Trit2Shape shape(w);
    const std::size_t step = rows_in_cache<Arch>(shape.row_bytes);
    for (std::size_t begin = first; begin < last; begin += step) {
        const std::size_t end = std::min(last, begin + step);
        std::size_t t = 0;
        for (; t + 4 <= x.tokens; t += 4) {
            std::size_t row = begin;
            for (; row + 2 <= end; row += 2) trit2_tile<Arch, 2, 4>(w, shape, row, x, t, y, stride);
            for (; row < end; ++row) trit2_tile<Arch, 1, 4>(w, shape, row, x, t, y, stride);
        }
        for (; t < x.tokens; ++t) {
            std::size_t row = begin;
            for (; row + 2 <= end; row += 2) trit2_tile<Arch, 2, 1>(w, shape, row, x, t, y, stride);
            for (; row < end; ++row) trit2_tile<Arch, 1, 1>(w, shape, row, x, t, y, stride);
        }
    }
}

/// Any layout and any group, activations in natural order: codes are unpacked piece by piece into the first cache.
template <class Arch, class Codec>
BITNET_INLINE void natural_product(const TernaryMatrix& w, std::size_t row, const Int8Activations& x, std::size_t t,
                            std::size_t tokens, float* y, std::size_t stride) noexcept {
    constexpr std::size_t piece = 2560;  // ends a byte of every layout
    constexpr std::size_t most_tokens = 8;
    const std::size_t group = w.group_cols();
    const std::uint8_t* const codes = w.codes.data() + row * pack::row_bytes<Codec>(w.cols);
    const float* const scales = w.row_scales(row);
    std::int32_t dot[most_tokens] = {};
    GroupLanes<Arch> lanes[most_tokens];
    std::int8_t buffer[piece];
    for (std::size_t begin = 0; begin < w.cols; begin += piece) {
        const std::size_t end = std::min(w.cols, begin + piece);
        const std::int8_t* q = buffer;
        if constexpr (std::is_same_v<Codec, pack::Int8>) q = reinterpret_cast<const std::int8_t*>(codes + begin);
        else decode<Arch, Codec>(codes + begin / Codec::codes_per_byte, end - begin, buffer);
        for (std::size_t i = 0; i < tokens; ++i) {
            const std::int8_t* const activations = x.token(t + i);
            std::size_t g = begin / group;
            for (std::size_t c = begin; c < end; ++g) {
                const std::size_t group_end = std::min(w.cols, (g + 1) * group);
                const std::size_t stop = std::min(end, group_end);
                dot[i] += Dots<Arch>::natural(q + (c - begin), activations + c, stop - c);
                c = stop;
                if (c != group_end) continue;  // the group goes on in the next piece
                lanes[i].add(g, scales[g], dot[i]);
                dot[i] = 0;
            }
        }
    }
    for (std::size_t i = 0; i < tokens; ++i)
        y[(t + i) * stride + row] = static_cast<float>(lanes[i].total() / static_cast<double>(x.scales[t + i]));
}

/// y[t·stride + r] = Σ_g scale[r][g] · (Σ_{c in g} code[r][c] · x8[t][c]) / x.scales[t] for rows [first, last) and all
/// tokens, without unpacking the matrix to memory.
///
/// The inner sums are exact integers. The outer one is added in double, in eight lanes: lane g % 8, lanes folded halves
/// on halves; it is divided by the token's scale and rounded to float once, at the end. Every Arch writes the same bits.
/// w: of layout Codec; x: prepared for w (its cols, its group_cols, its activation_order); w.cols < 2^22, so that a dot
/// product has less than 30 bits. Other rows' outputs are not touched.
template <class Arch, class Codec>
void int8_product(const TernaryMatrix& w, std::size_t first, std::size_t last, const Int8Activations& x, float* y,
                  std::size_t stride) noexcept {
    if constexpr (std::is_same_v<Codec, pack::Trit2>)
        if (x.order == ActivationOrder::planes) return trit2_product<Arch>(w, first, last, x, y, stride);
    const std::size_t step = rows_in_cache<Arch>(pack::row_bytes<Codec>(w.cols));
    for (std::size_t begin = first; begin < last; begin += step)
        for (std::size_t t = 0; t < x.tokens; t += 8)
            for (std::size_t row = begin; row < std::min(last, begin + step); ++row)
                natural_product<Arch, Codec>(w, row, x, t, std::min<std::size_t>(8, x.tokens - t), y, stride);
}

}  // namespace bitnet::inline BITNET_ABI::kernel
