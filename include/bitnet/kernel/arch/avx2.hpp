/// AVX2 and F16C: instructions that xsimd's batches do not reach.
#pragma once

#include <bitnet/kernel/arch/generic.hpp>

#if defined(__AVX2__) && defined(__F16C__)
#include <array>
#include <immintrin.h>

namespace bitnet::inline BITNET_ABI::kernel {

template <>
struct Ops<xsimd::avx2> : BatchOps<xsimd::avx2> {
    BITNET_INLINE static Doubles load_double(const float* p) noexcept { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }

    BITNET_INLINE static float fold(const Floats& x) noexcept {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    using BatchOps<xsimd::avx2>::fold;

    /// For each mask of eight lanes, the numbers of those that are set, in order.
    static constexpr auto lanes_of_mask = [] {
        std::array<std::array<std::uint8_t, 8>, 256> table{};
        for (unsigned mask = 0; mask < 256; ++mask)
            for (std::uint8_t lane = 0, at = 0; lane < 8; ++lane)
                if (mask >> lane & 1) table[mask][at++] = lane;
        return table;
    }();
    BITNET_INLINE static std::size_t collect(const float* w, float low, float high, float* out) noexcept {
        const __m256 x = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), _mm256_loadu_ps(w));
        const int mask = _mm256_movemask_ps(_mm256_and_ps(_mm256_cmp_ps(x, _mm256_set1_ps(low), _CMP_GT_OQ),
                                                          _mm256_cmp_ps(x, _mm256_set1_ps(high), _CMP_NGT_UQ)));
        const auto* lanes = reinterpret_cast<const __m128i*>(lanes_of_mask[static_cast<unsigned>(mask)].data());
        _mm256_storeu_ps(out, _mm256_permutevar8x32_ps(x, _mm256_cvtepu8_epi32(_mm_loadl_epi64(lanes))));
        return static_cast<std::size_t>(_mm_popcnt_u32(static_cast<unsigned>(mask)));
    }

    /// 32 weights -> 32 codes; the 4-byte elements are weights 0-3, 8-11, 16-19, 24-27, then 4-7, 12-15, 20-23, 28-31.
    BITNET_INLINE static __m256i codes_in_lanes(const float* w, float keep) noexcept {
        const __m256 high = _mm256_set1_ps(keep);
        const __m256 low = _mm256_set1_ps(-keep);
        const auto codes_of_8 = [&](const float* p) {
            const __m256 x = _mm256_loadu_ps(p);
            // A comparison that holds is -1: the one for negative weights minus the one for positive is the code.
            return _mm256_sub_epi32(_mm256_castps_si256(_mm256_cmp_ps(x, low, _CMP_LE_OQ)),
                                    _mm256_castps_si256(_mm256_cmp_ps(x, high, _CMP_GE_OQ)));
        };
        return _mm256_packs_epi16(_mm256_packs_epi32(codes_of_8(w), codes_of_8(w + 8)),
                                  _mm256_packs_epi32(codes_of_8(w + 16), codes_of_8(w + 24)));
    }

    BITNET_INLINE static void codes(const float* w, float keep_0, float keep_1, std::int8_t* q) noexcept {
        const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(q),
                            _mm256_permutevar8x32_epi32(codes_in_lanes(w, keep_0), in_order));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + 32),
                            _mm256_permutevar8x32_epi32(codes_in_lanes(w + 32, keep_1), in_order));
    }

    /// Four codes become c0 + 4·c1 + 16·c2 + 64·c3 in a 4-byte element; 85 more makes every digit code + 1.
    BITNET_INLINE static void trit2(const float* w, float keep_0, float keep_1, std::uint8_t* out) noexcept {
        const __m256i by_1_4 = _mm256_set1_epi16(0x0401);
        const __m256i by_1_16 = _mm256_set1_epi32(0x00100001);
        const auto bytes_of = [&](__m256i q) {
            return _mm256_madd_epi16(_mm256_maddubs_epi16(by_1_4, q), by_1_16);
        };
        const __m256i both = _mm256_add_epi16(
            _mm256_packs_epi32(bytes_of(codes_in_lanes(w, keep_0)), bytes_of(codes_in_lanes(w + 32, keep_1))),
            _mm256_set1_epi16(85));
        // The lower lane holds the even bytes, the upper the odd ones.
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                         _mm_or_si128(_mm256_castsi256_si128(both),
                                      _mm_slli_epi16(_mm256_extracti128_si256(both, 1), 8)));
    }

    /// As to_float(Half), except that a signalling NaN comes out quiet.
    BITNET_INLINE static void widen_f16(const std::byte* in, float* out) noexcept {
        for (std::size_t i = 0; i < widen_block; i += 8)
            _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 2 * i))));
    }
    BITNET_INLINE static void widen_bf16(const std::byte* in, float* out) noexcept {
        for (std::size_t i = 0; i < widen_block; i += 8) {
            const __m256i bits =
                _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + 2 * i)));
            _mm256_storeu_ps(out + i, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16)));
        }
    }
};

}  // namespace bitnet::inline BITNET_ABI::kernel
#endif
