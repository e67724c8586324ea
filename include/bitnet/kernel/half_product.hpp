/// Products of 16-bit floating-point weights and float activations.
#pragma once

#include <cstdint>

#include <bitnet/kernel/arch/ops.hpp>
#include <bitnet/kernel/widen.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// One row with tokens [0, Tokens), x and y as in half_product.
template <class Arch, class Float16, std::size_t Tokens>
BITNET_INLINE void half_row(const std::uint16_t* w, std::size_t cols, const float* x, float* y, std::size_t stride) noexcept {
    using O = Ops<Arch>;
    DoubleLanes<Arch, widen_block> lanes[Tokens];
    const auto add = [&](const float* weights, const float* activations, std::size_t apart) __attribute__((always_inline)) {
        unroll<DoubleLanes<Arch, widen_block>::batches>([&](auto i) __attribute__((always_inline)) {
            const auto weight = O::load_double(weights + i * O::doubles);
            unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
                lanes[t].lane[i] = lanes[t].lane[i] + weight * O::load_double(activations + t * apart + i * O::doubles);
            });
        });
    };
    alignas(64) float wide[widen_block];
    const std::size_t whole = cols - cols % widen_block;
    for (std::size_t c = 0; c < whole; c += widen_block) {
        widen_whole<Arch, Float16>(reinterpret_cast<const std::byte*>(w + c), wide);
        add(wide, x + c, cols);
    }
    if (whole != cols) {
        float rest[Tokens * widen_block] = {};
        widen<Arch, Float16>(reinterpret_cast<const std::byte*>(w + whole), wide, cols - whole);
        std::fill(wide + (cols - whole), wide + widen_block, 0.0f);
        for (std::size_t t = 0; t < Tokens; ++t)
            std::memcpy(rest + t * widen_block, x + t * cols + whole, sizeof(float) * (cols - whole));
        add(wide, rest, widen_block);
    }
    for (std::size_t t = 0; t < Tokens; ++t) y[t * stride] = static_cast<float>(lanes[t].total());
}

/// y[t·stride + r] = Σ_c w[r][c]·x[t][c] for rows [first, last) and all tokens, w read as it is.
///
/// w: (rows, cols)  x: (tokens, cols)  y: rows of `stride` floats, of which those of the range are written. Products of
/// two floats are exact in double, where 16 lanes take them: lane c % 16 in the order of columns, lanes folded halves on
/// halves, the sum rounded to float once. Every Arch writes the same bits.
template <class Arch, class Float16>
void half_product(const std::uint16_t* w, std::size_t cols, std::size_t first, std::size_t last, const float* x,
                  std::size_t tokens, float* y, std::size_t stride) noexcept {
    for (std::size_t row = first; row < last; ++row) {
        std::size_t t = 0;
        for (; t + 2 <= tokens; t += 2)
            half_row<Arch, Float16, 2>(w + row * cols, cols, x + t * cols, y + t * stride + row, stride);
        if (t < tokens) half_row<Arch, Float16, 1>(w + row * cols, cols, x + t * cols, y + t * stride + row, stride);
    }
}

}  // namespace bitnet::inline BITNET_ABI::kernel
