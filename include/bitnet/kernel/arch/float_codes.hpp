/// Packed trits to floats.
#pragma once

#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// Plain loops.
template <class Arch>
struct PlainFloatCodes {
    /// Eight bytes of trit2 -> 32 codes: code k of byte i at 8k + i.
    BITNET_INLINE static void trit2(const std::uint8_t* bytes, float* codes) noexcept {
        unroll<4>([&](auto k) {
            for (std::size_t i = 0; i < 8; ++i)
                codes[8 * k + i] = static_cast<float>((bytes[i] >> (2 * k) & 3) - 1);
        });
    }
};

/// Specialised where there are instructions for it.
template <class Arch>
struct FloatCodes : PlainFloatCodes<Arch> {};

}  // namespace bitnet::inline BITNET_ABI::kernel

#if defined(__AVX2__)
#include <immintrin.h>

namespace bitnet::inline BITNET_ABI::kernel {

/// AVX2: a byte in each 32-bit element, whose two lowest bits look up the float.
template <class Arch>
struct Avx2FloatCodes {
    BITNET_INLINE static void trit2(const std::uint8_t* bytes, float* codes) noexcept {
        const __m256 values = _mm256_setr_ps(-1, 0, 1, 0, -1, 0, 1, 0);
        const __m256i eight = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
        unroll<4>([&](auto k) {
            _mm256_storeu_ps(codes + 8 * k, _mm256_permutevar_ps(values, _mm256_srli_epi32(eight, 2 * k)));
        });
    }
};

template <>
struct FloatCodes<xsimd::avx2> : Avx2FloatCodes<xsimd::avx2> {};
template <>
struct FloatCodes<xsimd::avx512bw> : Avx2FloatCodes<xsimd::avx512bw> {};

}  // namespace bitnet::inline BITNET_ABI::kernel
#endif
