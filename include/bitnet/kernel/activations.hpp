/// Activations made ready for products with packed trits: rounded to int8 or not, in the order in which codes come out.
#pragma once

#include <vector>

#include <bitnet/kernel/arch/ops.hpp>
#include <bitnet/kernel/ternary_matrix.hpp>

namespace bitnet::inline BITNET_ABI {

/// Columns that stand together in prepared activations.
inline constexpr std::size_t int8_block = 256;
inline constexpr std::size_t float_block = 32;

/// The order of a token's int8 activations.
enum class ActivationOrder {
    natural,  ///< by column
    planes,   ///< blocks of 256 columns; byte 64k + i of one is its column 4i + k, so that two bits k of 64 bytes of
              ///< trit2 meet 64 consecutive activations
};

/// The order in which products with this matrix want them: planes where a scale ends only where a vector may.
constexpr ActivationOrder activation_order(const TernaryMatrix& w) noexcept {
    const std::size_t group = w.group_cols();
    const bool ends_well = group >= w.cols || group % 256 == 0 || (group % 128 == 0 && group <= 1024) ||
                           (group % 64 == 0 && group <= 512);
    return w.layout == Layout::trit2 && ends_well ? ActivationOrder::planes : ActivationOrder::natural;
}

/// Activations of some tokens, rounded to int8 token by token.
///
///     a = max(max|x|, 1e-5)      scale = 127 / a      x8 = x·scale rounded, ties to even
///
/// x8 is in [-127, 127] and needs no clamp: |x·scale| is at most 127 and a rounding error. Sources that clamp it to
/// [-128, 127] get the same. A token with a NaN or an infinity gets the scale NaN and zeros, so that all of its products are
/// NaN and none hides it.
/// Source  Ma et al. 2024, "The Era of 1-bit LLMs", section 2; the clamp of a as in that model's published code
struct Int8Activations {
    struct alignas(64) Block {
        std::int8_t x[int8_block];
    };
    std::size_t tokens = 0;
    std::size_t cols = 0;
    std::size_t group = 1;  ///< columns of one sum
    ActivationOrder order = ActivationOrder::natural;
    std::vector<Block> blocks{};       ///< (tokens, ceil(cols / 256)), zeros behind the last column
    std::vector<std::int32_t> sums{};  ///< (tokens, ceil(cols / group)): Σ x8, in planes only; the codes + 1 there add it
    std::vector<float> scales{};       ///< (tokens)

    BITNET_INLINE std::size_t blocks_per_token() const noexcept { return (cols + int8_block - 1) / int8_block; }
    BITNET_INLINE std::size_t groups() const noexcept { return (cols + group - 1) / group; }
    BITNET_INLINE const std::int8_t* token(std::size_t t) const noexcept {
        return reinterpret_cast<const std::int8_t*>(blocks.data() + t * blocks_per_token());
    }
};

/// Activations of some tokens as floats: blocks of 32 columns, float 8k + i of one is its column 4i + k.
struct FloatActivations {
    struct alignas(64) Block {
        float x[float_block];
    };
    std::size_t tokens = 0;
    std::size_t cols = 0;
    std::vector<Block> blocks{};  ///< (tokens, ceil(cols / 32)), zeros behind the last column

    BITNET_INLINE std::size_t blocks_per_token() const noexcept { return (cols + float_block - 1) / float_block; }
    BITNET_INLINE const float* token(std::size_t t) const noexcept {
        return reinterpret_cast<const float*>(blocks.data() + t * blocks_per_token());
    }
};

namespace kernel {

/// Place of a column in a block of 32: 8k + i of column 4i + k.
BITNET_INLINE constexpr std::size_t float_place(std::size_t col) noexcept {
    return col % 4 * (float_block / 4) + col % float_block / 4;
}

/// 127 / max(max|x|, 1e-5), or NaN where an x is not finite. Bits of magnitudes are ordered as their values are, with
/// infinity and NaN above them.
template <class Arch>
BITNET_INLINE float int8_scale(const float* x, std::size_t n) noexcept {
    std::int32_t most = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const std::int32_t bits = std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff;
        most = bits > most ? bits : most;
    }
    const float largest = std::bit_cast<float>(most);
    if (!is_finite(largest)) return std::bit_cast<float>(0x7fc00000u);
    return 127.0f / (largest > 1e-5f ? largest : 1e-5f);
}

/// x·scale, the exact product, rounded to the nearest integer, ties to even: in double, so that a compiler which fuses
/// the product with the addition changes nothing.
template <class Arch>
BITNET_INLINE std::int8_t round_to_int8(float x, float scale) noexcept {
    constexpr double magic = 0x1.8p52;  // adding it leaves no bits for a fraction
    const double sum = static_cast<double>(x) * static_cast<double>(scale) + magic;
    return static_cast<std::int8_t>(std::bit_cast<std::int64_t>(sum) - std::bit_cast<std::int64_t>(magic));
}

/// Prepares tokens [first, last) of activations whose sizes are set. x: (tokens, cols) floats, of which those of the
/// range are read.
template <class Arch>
void int8_activations(const float* x, std::size_t first, std::size_t last, Int8Activations& out) noexcept {
    for (std::size_t t = first; t < last; ++t) {
        const float* const from = x + t * out.cols;
        const float scale = int8_scale<Arch>(from, out.cols);
        const float factor = is_finite(scale) ? scale : 0.0f;
        out.scales[t] = scale;
        std::int32_t* const sums = out.sums.data() + t * out.groups();
        if (out.order == ActivationOrder::planes) std::fill(sums, sums + out.groups(), 0);
        for (std::size_t block = 0; block < out.blocks_per_token(); ++block) {
            std::int8_t natural[int8_block] = {};
            const std::size_t begin = block * int8_block;
            const std::size_t count = std::min(int8_block, out.cols - begin);
            if (is_finite(scale))
                for (std::size_t i = 0; i < count; ++i) natural[i] = round_to_int8<Arch>(from[begin + i], factor);
            std::int8_t* const to = out.blocks[t * out.blocks_per_token() + block].x;
            if (out.order == ActivationOrder::natural) {
                std::memcpy(to, natural, int8_block);
                continue;
            }
            for (std::size_t i = 0; i < int8_block / 4; ++i)
                unroll<4>([&](auto k) { to[int8_block / 4 * k + i] = natural[4 * i + k]; });
            for (std::size_t i = 0; i < count; i += 64) {  // no group ends between
                std::int32_t sum = 0;
                for (std::size_t c = i; c < i + 64; ++c) sum += natural[c];
                sums[(begin + i) / out.group] += sum;
            }
        }
    }
}

/// The same for floats.
template <class Arch>
void float_activations(const float* x, std::size_t first, std::size_t last, FloatActivations& out) noexcept {
    for (std::size_t t = first; t < last; ++t)
        for (std::size_t block = 0; block < out.blocks_per_token(); ++block) {
            float natural[float_block] = {};
            const std::size_t begin = block * float_block;
            std::memcpy(natural, x + t * out.cols + begin, sizeof(float) * std::min(float_block, out.cols - begin));
            float* const to = out.blocks[t * out.blocks_per_token() + block].x;
            for (std::size_t i = 0; i < float_block; ++i) to[float_place(i)] = natural[i];
        }
}

}  // namespace kernel
}  // namespace bitnet::inline BITNET_ABI
