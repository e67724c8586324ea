/// Exact dot products of packed trits and int8 activations, the innermost loops of integer products.
#pragma once

#include <algorithm>

#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Dot products that a kernel asks for at a time, for each row and token.
inline constexpr std::size_t dots_at_once = 64;

/// Rows of trit2 and where in them dot products begin.
struct Trit2Rows {
    const std::uint8_t* codes;  ///< first of the rows
    std::size_t row_bytes;
    std::size_t readable;  ///< bytes from `codes` on that exist; more may be read than the rows have, but none of them used
    std::size_t cols;
    std::size_t begin;  ///< first column, a multiple of 256
    std::size_t unit;   ///< columns of one dot product: 64, 128, a multiple of 256, or all there are
    std::size_t count;  ///< of dot products, at most dots_at_once
};

/// The sum of eight lanes, halves on halves.
template <class Arch>
BITNET_INLINE double folded(const double* lane) noexcept {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/// Plain loops, for any instruction set and as the reference.
template <class Arch>
struct PlainDots {
    /// sums[r·Tokens + t][u] = Σ (code + 1)·x over the columns begin + u·unit ... of row r and token t, exactly.
    ///
    /// x[t]: activations in planes, zeros behind the last column. Of each row of `sums`, entries up to the next
    /// multiple of eight are overwritten.
    template <std::size_t Rows, std::size_t Tokens>
    BITNET_INLINE static void trit2(const Trit2Rows& w, const std::int8_t* const* x,
                                    std::int32_t (*sums)[dots_at_once]) noexcept {
        for (std::size_t row = 0; row < Rows; ++row)
            for (std::size_t t = 0; t < Tokens; ++t)
                for (std::size_t u = 0; u < w.count; ++u) {
                    const std::size_t begin = w.begin + u * w.unit;
                    const std::size_t end = std::min(begin + w.unit, w.cols);
                    std::int32_t sum = 0;
                    for (std::size_t c = begin; c < end; c += 64)
                        sum += trit2_of_64(w.codes + row * w.row_bytes + c / 4, std::min<std::size_t>(16, (end - c + 3) / 4),
                                           x[t] + c / 256 * 256 + c % 256 / 4);
                    sums[row * Tokens + t][u] = sum;
                }
    }
    /// `bytes` <= 16 bytes of codes and four planes 64 bytes apart.
    BITNET_INLINE static std::int32_t trit2_of_64(const std::uint8_t* codes, std::size_t bytes,
                                                  const std::int8_t* x) noexcept {
        std::int32_t sum = 0;
        const auto add = [&](std::size_t n) {
            for (std::size_t i = 0; i < n; ++i)
                unroll<4>([&](auto k) { sum += (codes[i] >> (2 * k) & 3) * x[64 * k + i]; });
        };
        if (bytes == 16) add(16);
        else add(bytes);
        return sum;
    }
    /// lane[g % 8] += scales[g]·(dots[g] - sums[g]) for `count` groups in order. A float times a 29-bit integer is exact
    /// in a double, so that fused additions change nothing.
    BITNET_INLINE static void add_groups(const float* scales, const std::int32_t* dots, const std::int32_t* sums,
                                         std::size_t count, double* lane) noexcept {
        for (std::size_t g = 0; g < count; ++g)
            lane[g % 8] += static_cast<double>(scales[g]) * static_cast<double>(dots[g] - sums[g]);
    }
    /// out[i] = the sum of lanes[i] divided by scales[i] and rounded to float once, for four.
    BITNET_INLINE static void totals(const double (*lanes)[8], const float* scales, float* out) noexcept {
        for (std::size_t i = 0; i < 4; ++i)
            out[i] = static_cast<float>(folded<Arch>(lanes[i]) / static_cast<double>(scales[i]));
    }
    /// Σ code·x of n codes in {-1, 0, 1} in the order of columns.
    BITNET_INLINE static std::int32_t natural(const std::int8_t* q, const std::int8_t* x, std::size_t n) noexcept {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += q[i] * x[i];
        return sum;
    }
};

/// Specialised where there are instructions for it.
template <class Arch>
struct Dots : PlainDots<Arch> {};

}  // namespace bitnet::inline BITNET_ABI::kernel

#if defined(__AVX2__)
#include <immintrin.h>

namespace bitnet::inline BITNET_ABI::kernel {

/// 32 bytes at a time.
template <class Arch>
struct Bytes32 {
    using Vector = __m256i;

    BITNET_INLINE static Vector load(const void* p) noexcept { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
    BITNET_INLINE static Vector zero() noexcept { return _mm256_setzero_si256(); }
    template <int Plane>
    BITNET_INLINE static Vector plane(Vector codes) noexcept {
        return _mm256_and_si256(_mm256_srli_epi16(codes, 2 * Plane), _mm256_set1_epi8(3));
    }
    /// 16-bit sums + products of neighbours.
    BITNET_INLINE static Vector add_products(Vector sums, Vector codes, Vector x) noexcept {
        return _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, x));
    }
    /// 32-bit sums + the 16-bit sums of neighbours.
    BITNET_INLINE static Vector add_pairs(Vector sums, Vector pairs) noexcept {
        return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
};

/// AVX2: two bits of 32 bytes meet 32 activations; pairs of products are added in 16 bits, then in 32.
template <class Arch>
struct Avx2Dots {
    using V = Bytes32<Arch>;
    /// 64 bytes of codes, two vectors, meet one block of activations. Products of eight blocks fit 16 bits: each vector
    /// adds at most 4·2·2·127 = 2,032.
    static constexpr std::size_t block_cols = 256;
    static constexpr std::size_t blocks_that_fit = 8;
    /// Bytes between what one token's product reads and what it asks for, which is in the order of memory: of several
    /// rows at a time, left alone, processors see streams that end too soon. bench/kernel/ternary_product.cpp, row, four
    /// rows, out of cache: 27 % of a plain read without, 39 % ahead in each row, 59 % in order; 2 to 16 KiB are alike.
    /// No gain: planes 1 and 3 left multiplied by four, which saves two shifts.
    static constexpr std::size_t ahead = 4096;

    /// The 64 bytes of a row at `at`: in place, or, where no whole block is left (Ragged), copied.
    template <bool Ragged>
    BITNET_INLINE static const std::uint8_t* block_at(const Trit2Rows& w, std::size_t at, std::uint8_t* copy) noexcept {
        if constexpr (Ragged) {
            if (at + 64 > w.readable) {
                std::memset(copy, 0, 64);
                std::memcpy(copy, w.codes + std::min(at, w.readable), w.readable - std::min(at, w.readable));
                return copy;
            }
        }
        return w.codes + at;
    }

    /// Half a block, one vector, of each row with each token's activations.
    template <std::size_t Rows, std::size_t Tokens>
    BITNET_INLINE static void add_half(const std::uint8_t* const* codes, const std::int8_t* const* x, std::size_t offset,
                                       __m256i* sums) noexcept {
        __m256i bytes[Rows];
        unroll<Rows>([&](auto row) __attribute__((always_inline)) { bytes[row] = V::load(codes[row]); });
        unroll<4>([&](auto k) __attribute__((always_inline)) {
            __m256i plane[Rows];
            unroll<Rows>([&](auto row) __attribute__((always_inline)) { plane[row] = V::template plane<k>(bytes[row]); });
            unroll<Tokens>([&](auto t) __attribute__((always_inline)) {
                const __m256i activations = V::load(x[t] + offset + 64 * k);
                unroll<Rows>([&](auto row) __attribute__((always_inline)) {
                    sums[row * Tokens + t] = V::add_products(sums[row * Tokens + t], plane[row], activations);
                });
            });
        });
    }

    /// Sums in 16 bits of half a block.
    template <std::size_t Rows, std::size_t Tokens, bool Ragged>
    BITNET_INLINE static void add_block_half(const Trit2Rows& w, const std::int8_t* const* x, std::size_t block,
                                             std::size_t half, __m256i* sums) noexcept {
        alignas(64) std::uint8_t copies[Ragged ? Rows : 1][64];
        const std::uint8_t* codes[Rows];
        unroll<Rows>([&](auto row) __attribute__((always_inline)) {
            codes[row] = block_at<Ragged>(w, row * w.row_bytes + 64 * block, copies[Ragged ? row : 0]) + 32 * half;
        });
        if (Tokens == 1 && half == 0)
            for (std::size_t row = 0; row < Rows; ++row)
                prefetch(reinterpret_cast<std::uintptr_t>(w.codes) + ahead + (Rows * block + row) * 64);
        add_half<Rows, Tokens>(codes, x, block_cols * block + 32 * half, sums);
    }

    /// Each two neighbours of two vectors to one sum, of less than 16 bits. Cheaper than a horizontal addition.
    BITNET_INLINE static __m256i neighbours(__m256i a, __m256i b) noexcept {
        return V::add_pairs(V::zero(), _mm256_packs_epi32(a, b));
    }
    /// Each four lanes of v[0 ... 3] to one sum: lanes 0-3 are those of the lower halves, 4-7 of the upper.
    BITNET_INLINE static __m256i halves(const __m256i* v) noexcept {
        return neighbours(neighbours(v[0], v[1]), neighbours(v[2], v[3]));
    }
    /// Each of v[0 ... 7] to one sum.
    BITNET_INLINE static __m256i wholes(const __m256i* v) noexcept {
        const __m256i first = halves(v), second = halves(v + 4);
        return _mm256_add_epi32(_mm256_permute2x128_si256(first, second, 0x20),
                                _mm256_permute2x128_si256(first, second, 0x31));
    }
    BITNET_INLINE static std::int32_t total(__m256i sums) noexcept {
        const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
        return _mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1);
    }

    BITNET_INLINE static __m256i eight_totals(const __m256i* v) noexcept {
        const __m256i first = _mm256_hadd_epi32(_mm256_hadd_epi32(v[0], v[1]), _mm256_hadd_epi32(v[2], v[3]));
        const __m256i second = _mm256_hadd_epi32(_mm256_hadd_epi32(v[4], v[5]), _mm256_hadd_epi32(v[6], v[7]));
        return _mm256_add_epi32(_mm256_permute2x128_si256(first, second, 0x20),
                                _mm256_permute2x128_si256(first, second, 0x31));
    }

    /// Dot products of 64 or 128 columns, eight at a time out of 2 or 4 blocks. A function of its own, as registers are
    /// few; so is the next.
    template <std::size_t Unit, std::size_t Rows, std::size_t Tokens, bool Ragged>
    [[gnu::noinline]] static void short_dots(const Trit2Rows& w, const std::int8_t* const* tokens,
                                             std::int32_t (*sums)[dots_at_once]) noexcept {
        constexpr std::size_t vectors = Unit / 16;
        const std::int8_t* x[Tokens];
        std::copy(tokens, tokens + Tokens, x);
        const std::size_t blocks = (w.cols + block_cols - 1) / block_cols;
        std::size_t block = w.begin / block_cols;
        for (std::size_t u = 0; u < w.count; u += 8, block += vectors / 2) {
            __m256i partial[Rows * Tokens][vectors];
            const auto add = [&](auto i) __attribute__((always_inline)) {
                __m256i one[Rows * Tokens];
                unroll<Rows * Tokens>([&](auto j) __attribute__((always_inline)) { one[j] = V::zero(); });
                if (block + i / 2 < blocks) add_block_half<Rows, Tokens, Ragged>(w, x, block + i / 2, i % 2, one);
                unroll<Rows * Tokens>([&](auto j) __attribute__((always_inline)) {
                    partial[j][i] = V::add_pairs(V::zero(), one[j]);
                });
            };
            if constexpr (Tokens == 1) unroll<vectors>(add);
            else
                for (std::size_t i = 0; i < vectors; ++i) add(i);
            for (std::size_t j = 0; j < Rows * Tokens; ++j) {
                __m256i dots;
                if constexpr (Unit == 64)
                    dots = _mm256_permutevar8x32_epi32(halves(partial[j]), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
                else dots = wholes(partial[j]);
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums[j] + u), dots);
            }
        }
    }

    /// Dot products of whole blocks, or of whole rows.
    template <std::size_t Rows, std::size_t Tokens, bool Ragged>
    [[gnu::noinline]] static void long_dots(const Trit2Rows& w, const std::int8_t* const* tokens,
                                            std::int32_t (*sums)[dots_at_once]) noexcept {
        const std::int8_t* x[Tokens];
        std::copy(tokens, tokens + Tokens, x);
        const std::size_t blocks = (w.cols + block_cols - 1) / block_cols;
        std::size_t block = w.begin / block_cols;
        for (std::size_t u = 0; u < w.count; ++u) {
            const std::size_t end = std::min(blocks, block + (w.unit + block_cols - 1) / block_cols);
            __m256i in_32_bits[Rows * Tokens];
            unroll<Rows * Tokens>([&](auto j) __attribute__((always_inline)) { in_32_bits[j] = V::zero(); });
            while (block < end) {
                const std::size_t stop = std::min(end, block + blocks_that_fit);
                __m256i in_16_bits[Rows * Tokens];
                unroll<Rows * Tokens>([&](auto j) __attribute__((always_inline)) { in_16_bits[j] = V::zero(); });
                for (; block < stop; ++block) {
                    add_block_half<Rows, Tokens, Ragged>(w, x, block, 0, in_16_bits);
                    add_block_half<Rows, Tokens, Ragged>(w, x, block, 1, in_16_bits);
                }
                unroll<Rows * Tokens>([&](auto j) __attribute__((always_inline)) {
                    in_32_bits[j] = V::add_pairs(in_32_bits[j], in_16_bits[j]);
                });
            }
            if constexpr (Rows * Tokens == 8) {
                std::int32_t dots[8];
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(dots), eight_totals(in_32_bits));
                unroll<8>([&](auto j) __attribute__((always_inline)) { sums[j][u] = dots[j]; });
            } else {
                for (std::size_t j = 0; j < Rows * Tokens; ++j) sums[j][u] = total(in_32_bits[j]);
            }
        }
    }

    template <std::size_t Rows, std::size_t Tokens, bool Ragged>
    BITNET_INLINE static void trit2_of(const Trit2Rows& w, const std::int8_t* const* x,
                                       std::int32_t (*sums)[dots_at_once]) noexcept {
        if (w.unit == 64) short_dots<64, Rows, Tokens, Ragged>(w, x, sums);
        else if (w.unit == 128) short_dots<128, Rows, Tokens, Ragged>(w, x, sums);
        else long_dots<Rows, Tokens, Ragged>(w, x, sums);
    }
    template <std::size_t Rows, std::size_t Tokens>
    BITNET_INLINE static void trit2(const Trit2Rows& w, const std::int8_t* const* x,
                                    std::int32_t (*sums)[dots_at_once]) noexcept {
        const std::size_t read = (Rows - 1) * w.row_bytes + (w.row_bytes + 63) / 64 * 64;
        if (read <= w.readable) trit2_of<Rows, Tokens, false>(w, x, sums);
        else trit2_of<Rows, Tokens, true>(w, x, sums);
    }

    /// As PlainDots. Behind the last group zeros are added, which changes no lane: none is ever -0.
    BITNET_INLINE static void add_groups(const float* scales, const std::int32_t* dots, const std::int32_t* sums,
                                         std::size_t count, double* lane) noexcept {
        __m256d lower = _mm256_loadu_pd(lane), upper = _mm256_loadu_pd(lane + 4);
        const auto add = [](__m256d to, __m128 scale, __m128i dot) __attribute__((always_inline)) {
            return _mm256_add_pd(to, _mm256_mul_pd(_mm256_cvtps_pd(scale), _mm256_cvtepi32_pd(dot)));
        };
        const std::size_t whole = count - count % 8;
        for (std::size_t g = 0; g < whole; g += 8) {
            const __m256i exact = _mm256_sub_epi32(V::load(dots + g), V::load(sums + g));
            lower = add(lower, _mm_loadu_ps(scales + g), _mm256_castsi256_si128(exact));
            upper = add(upper, _mm_loadu_ps(scales + g + 4), _mm256_extracti128_si256(exact, 1));
        }
        if (whole != count) {
            const __m256i which = V::load(first_of_eight + 8 - (count - whole));
            const __m256i exact = _mm256_sub_epi32(_mm256_maskload_epi32(dots + whole, which),
                                                   _mm256_maskload_epi32(sums + whole, which));
            const __m256 scale = _mm256_maskload_ps(scales + whole, which);
            lower = add(lower, _mm256_castps256_ps128(scale), _mm256_castsi256_si128(exact));
            upper = add(upper, _mm256_extractf128_ps(scale, 1), _mm256_extracti128_si256(exact, 1));
        }
        _mm256_storeu_pd(lane, lower);
        _mm256_storeu_pd(lane + 4, upper);
    }
    /// From place 8 - n on: n times all bits and zeros.
    alignas(64) static constexpr std::int32_t first_of_eight[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

    /// As PlainDots.
    BITNET_INLINE static void totals(const double (*lanes)[8], const float* scales, float* out) noexcept {
        __m256d halves[4];
        unroll<4>([&](auto i) __attribute__((always_inline)) {
            halves[i] = _mm256_add_pd(_mm256_loadu_pd(lanes[i]), _mm256_loadu_pd(lanes[i] + 4));
        });
        const auto quarters = [](__m256d a, __m256d b) __attribute__((always_inline)) {
            return _mm256_add_pd(_mm256_permute2f128_pd(a, b, 0x20), _mm256_permute2f128_pd(a, b, 0x31));
        };
        const __m256d sums = _mm256_hadd_pd(quarters(halves[0], halves[2]), quarters(halves[1], halves[3]));
        _mm_storeu_ps(out, _mm256_cvtpd_ps(_mm256_div_pd(sums, _mm256_cvtps_pd(_mm_loadu_ps(scales)))));
    }
    /// As PlainDots: maddubs wants one factor without a sign, so that the code's sign goes to the activation and ones
    /// are multiplied.
    BITNET_INLINE static std::int32_t natural(const std::int8_t* q, const std::int8_t* x, std::size_t n) noexcept {
        const std::size_t whole = n - n % 32;
        __m256i sums = V::zero();
        for (std::size_t i = 0; i < whole; i += 32) {
            const __m256i signed_x = _mm256_sign_epi8(V::load(x + i), V::load(q + i));
            sums = V::add_pairs(sums, _mm256_maddubs_epi16(_mm256_set1_epi8(1), signed_x));
        }
        return total(sums) + PlainDots<Arch>::natural(q + whole, x + whole, n - whole);
    }
};

template <>
struct Dots<xsimd::avx2> : Avx2Dots<xsimd::avx2> {};
template <>
struct Dots<xsimd::avx512bw> : Avx2Dots<xsimd::avx512bw> {};

}  // namespace bitnet::inline BITNET_ABI::kernel
#endif
