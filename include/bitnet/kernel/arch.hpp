/// The instruction sets that kernels are compiled for, as tags: every kernel is a template on one of them.
#pragma once

#include <cstddef>
#include <string_view>
#include <type_traits>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <bitnet/config/abi.hpp>
#include <bitnet/config/xsimd.hpp>

namespace bitnet::inline BITNET_ABI::arch {

/// No batches at all: plain loops, which every other instruction set must agree with bit for bit.
struct Scalar {};

// What this file is compiled for. An alias and nothing else: functions that use it are templates on what it names.
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512CD__)
using Default = xsimd::avx512bw;
#elif defined(__AVX2__) && defined(__F16C__)
using Default = xsimd::avx2;
#elif defined(__x86_64__)
using Default = xsimd::sse2;
#elif defined(__aarch64__)
using Default = xsimd::neon64;
#else
using Default = Scalar;
#endif

template <class Arch>
inline constexpr std::string_view name_of = [] {
    if constexpr (std::is_same_v<Arch, xsimd::avx512bw>) return "avx512bw";
    else if constexpr (std::is_same_v<Arch, xsimd::avx2>) return "avx2";
    else if constexpr (std::is_same_v<Arch, xsimd::sse2>) return "sse2";
    else if constexpr (std::is_same_v<Arch, xsimd::neon64>) return "neon64";
    else {
        static_assert(std::is_same_v<Arch, Scalar>, "bitnet: there are no kernels for this instruction set; use "
                                                    "arch::Scalar or xsimd's sse2, avx2, avx512bw or neon64");
        return "scalar";
    }
}();

/// Whether this machine, and its operating system, run kernels compiled for Arch.
template <class Arch>
bool available() noexcept {
    if constexpr (std::is_same_v<Arch, Scalar>) return true;
#if defined(__x86_64__)
    if constexpr (std::is_same_v<Arch, xsimd::sse2>) return __builtin_cpu_supports("sse2") != 0;
    // Not every compiler knows the name "f16c"; where AVX2 may be used, its CPUID bit is all that is left to ask.
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 &&
                      (ecx & (1u << 29)) != 0;
    if constexpr (std::is_same_v<Arch, xsimd::avx2>) return avx2;
    if constexpr (std::is_same_v<Arch, xsimd::avx512bw>)
        return avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
               __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
               __builtin_cpu_supports("avx512vl") != 0;
#elif defined(__aarch64__)
    if constexpr (std::is_same_v<Arch, xsimd::neon64>) return true;
#endif
    return false;
}

}  // namespace bitnet::inline BITNET_ABI::arch
