/// AVX-512 F, CD, BW, DQ and VL: instructions that xsimd's batches do not reach.
#pragma once

#include <bitnet/kernel/arch/generic.hpp>

#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <immintrin.h>

namespace bitnet::inline BITNET_ABI::kernel {

template <>
struct Ops<xsimd::avx512bw> : BatchOps<xsimd::avx512bw> {
    /// For forms with a mask: those without name an undefined register, of which g++ 12 warns where they are inlined.
    static constexpr __mmask16 all = 0xffff;

    BITNET_INLINE static Doubles load_double(const float* p) noexcept { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }

    BITNET_INLINE static float fold(const Floats& x) noexcept {
        const __m512 upper = _mm512_shuffle_f32x4(x, x, 0x4e);
        const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_castps512_ps256(upper));
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    using BatchOps<xsimd::avx512bw>::fold;

    BITNET_INLINE static std::size_t collect(const float* w, float low, float high, float* out) noexcept {
        const __m512 x = magnitude(load(w));
        const __mmask16 inside = _mm512_cmp_ps_mask(x, _mm512_set1_ps(low), _CMP_GT_OQ) &
                                 _mm512_cmp_ps_mask(x, _mm512_set1_ps(high), _CMP_NGT_UQ);
        _mm512_storeu_ps(out, _mm512_maskz_compress_ps(inside, x));  // to memory it would be slow on some machines
        return static_cast<std::size_t>(_mm_popcnt_u32(inside));
    }

    /// 64 weights -> 64 codes in order: byte masks out of the comparisons, -1 where a byte's bit is set.
    BITNET_INLINE static __m512i codes_in_order(const float* w, float keep_0, float keep_1) noexcept {
        const __m512 keep[] = {_mm512_set1_ps(keep_0), _mm512_set1_ps(keep_1)};
        __mmask64 positive = 0;
        __mmask64 negative = 0;
        unroll<4>([&](auto i) {
            const __m512 x = _mm512_loadu_ps(w + 16 * i);
            const __m512 high = keep[i / 2];
            const __m512 low = _mm512_sub_ps(_mm512_set1_ps(-0.0f), high);
            positive |= static_cast<__mmask64>(_mm512_cmp_ps_mask(x, high, _CMP_GE_OQ)) << (16 * i);
            negative |= static_cast<__mmask64>(_mm512_cmp_ps_mask(x, low, _CMP_LE_OQ)) << (16 * i);
        });
        return _mm512_sub_epi8(_mm512_movm_epi8(negative), _mm512_movm_epi8(positive));
    }

    BITNET_INLINE static void codes(const float* w, float keep_0, float keep_1, std::int8_t* q) noexcept {
        _mm512_storeu_si512(q, codes_in_order(w, keep_0, keep_1));
    }

    /// Four codes become c0 + 4·c1 + 16·c2 + 64·c3 in a 4-byte element; 85 more makes every digit code + 1.
    BITNET_INLINE static void trit2(const float* w, float keep_0, float keep_1, std::uint8_t* out) noexcept {
        const __m512i q = codes_in_order(w, keep_0, keep_1);
        const __m512i sums = _mm512_madd_epi16(_mm512_maddubs_epi16(_mm512_set1_epi16(0x0401), q),
                                               _mm512_set1_epi32(0x00100001));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                         _mm512_cvtepi32_epi8(_mm512_add_epi32(sums, _mm512_set1_epi32(85))));
    }

    /// As to_float(Half), except that a signalling NaN comes out quiet.
    BITNET_INLINE static void widen_f16(const std::byte* in, float* out) noexcept {
        _mm512_storeu_ps(out, _mm512_maskz_cvtph_ps(all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in))));
    }
    BITNET_INLINE static void widen_bf16(const std::byte* in, float* out) noexcept {
        const __m512i bits = _mm512_maskz_cvtepu16_epi32(all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in)));
        _mm512_storeu_ps(out, _mm512_castsi512_ps(_mm512_maskz_slli_epi32(all, bits, 16)));
    }
};

}  // namespace bitnet::inline BITNET_ABI::kernel
#endif
