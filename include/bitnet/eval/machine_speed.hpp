/// How fast this machine reads memory and multiplies: the ceilings beside which the speed of a model is told.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <bitnet/core/parallel_for.hpp>

namespace bitnet::inline BITNET_ABI {

/// Seconds on the wall that work() takes.
template <class Work>
double seconds_of(Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A plain read of everything: `streams` places at once, `ahead` bytes prefetched (0: left to the hardware).
struct Read {
    std::size_t streams = 1;
    std::size_t ahead = 0;
};

namespace detail {

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline std::uint64_t read_avx2(const std::byte* p, std::size_t bytes, Read how) {
    __m256i sum[8];
    for (auto& lane : sum) lane = _mm256_setzero_si256();
    const std::size_t part = bytes / how.streams / 256 * 256;
    for (std::size_t i = 0; i < part; i += 256)
        for (std::size_t stream = 0; stream < how.streams; ++stream) {
            const std::byte* at = p + stream * part + i;
            if (how.ahead != 0)
                for (std::size_t line = 0; line < 256; line += 64)
                    _mm_prefetch(reinterpret_cast<const char*>(at) + how.ahead + line, _MM_HINT_T0);
            for (std::size_t lane = 0; lane < 8; ++lane)
                sum[lane] = _mm256_xor_si256(
                    sum[lane], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32 * lane)));
        }
    for (std::size_t lane = 1; lane < 8; ++lane) sum[0] = _mm256_xor_si256(sum[0], sum[lane]);
    return static_cast<std::uint64_t>(_mm256_extract_epi64(sum[0], 0));
}

/// `rounds` times 10 independent products of 32 or 64 pairs of bytes, or of 8 or 16 floats.
__attribute__((target("avx2"))) inline double multiply_int8_avx2(std::size_t rounds) {
    __m256i sum[10];
    for (int i = 0; i < 10; ++i) sum[i] = _mm256_set1_epi8(static_cast<char>(i));
    const __m256i factor = _mm256_set1_epi8(1);
    for (std::size_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
        for (auto& lane : sum) lane = _mm256_maddubs_epi16(lane, factor);
    }
    for (const auto& lane : sum) sum[0] = _mm256_xor_si256(sum[0], lane);
    return _mm256_extract_epi16(sum[0], 0);
}
__attribute__((target("avx512f,avx512vnni"))) inline double multiply_int8_vnni(std::size_t rounds) {
    __m512i sum[10];
    for (int i = 0; i < 10; ++i) sum[i] = _mm512_set1_epi32(i);
    const __m512i factor = _mm512_set1_epi8(1);
    for (std::size_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
        for (auto& lane : sum) lane = _mm512_dpbusd_epi32(lane, factor, factor);
    }
    std::int32_t out[16];
    for (const auto& lane : sum) sum[0] = _mm512_xor_si512(sum[0], lane);
    _mm512_storeu_si512(out, sum[0]);
    return out[0];
}
__attribute__((target("avx2,fma"))) inline double multiply_fp32_fma(std::size_t rounds) {
    __m256 sum[10];
    for (int i = 0; i < 10; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
    const __m256 factor = _mm256_set1_ps(0.5f);
    for (std::size_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
        for (auto& lane : sum) lane = _mm256_fmadd_ps(lane, factor, factor);
    }
    for (const auto& lane : sum) sum[0] = _mm256_add_ps(sum[0], lane);
    return static_cast<double>(_mm256_cvtss_f32(sum[0]));
}
__attribute__((target("avx512f"))) inline double multiply_fp32_avx512(std::size_t rounds) {
    __m512 sum[10];
    for (int i = 0; i < 10; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
    const __m512 factor = _mm512_set1_ps(0.5f);
    for (std::size_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 10
        for (auto& lane : sum) lane = _mm512_fmadd_ps(lane, factor, factor);
    }
    float out[16];
    for (const auto& lane : sum) sum[0] = _mm512_add_ps(sum[0], lane);
    _mm512_storeu_ps(out, sum[0]);
    return static_cast<double>(out[0]);
}
#endif

inline std::uint64_t read_words(const std::byte* p, std::size_t bytes, Read how) {
    std::uint64_t sum[16] = {};
    const std::size_t part = bytes / how.streams / 128 * 128;
    for (std::size_t i = 0; i < part; i += 128)
        for (std::size_t stream = 0; stream < how.streams; ++stream)
            for (std::size_t lane = 0; lane < 16; ++lane) {
                std::uint64_t word;
                std::memcpy(&word, p + stream * part + i + 8 * lane, 8);
                sum[lane] ^= word;
            }
    for (std::size_t lane = 1; lane < 16; ++lane) sum[0] ^= sum[lane];
    return sum[0];
}

/// Plain loops, as fast as the compiler makes them for any processor of this kind.
inline double multiply_int16_loop(std::size_t rounds) {
    std::int16_t sum[128];
    for (int i = 0; i < 128; ++i) sum[i] = static_cast<std::int16_t>(i);
    for (std::size_t r = 0; r < rounds; ++r)
        for (std::int16_t& lane : sum) lane = static_cast<std::int16_t>(lane * 3);
    return *std::max_element(sum, sum + 128);
}
inline double multiply_fp32_loop(std::size_t rounds) {
    float sum[64];
    for (int i = 0; i < 64; ++i) sum[i] = static_cast<float>(i);
    for (std::size_t r = 0; r < rounds; ++r)
        for (float& lane : sum) lane = lane * 0.5f + 0.5f;
    return static_cast<double>(*std::max_element(sum, sum + 64));
}

/// A loop of products: how many each round has, and the instructions it is made of.
struct MultiplyLoop {
    double (*run)(std::size_t rounds);
    double per_round;
    std::string_view name;
};
inline MultiplyLoop int8_loop() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vnni"))
        return {multiply_int8_vnni, 10 * 64, "AVX-512 VNNI"};
    if (__builtin_cpu_supports("avx2")) return {multiply_int8_avx2, 10 * 32, "AVX2"};
#endif
    return {multiply_int16_loop, 128, "16-bit products of a plain loop"};
}
inline MultiplyLoop fp32_loop() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return {multiply_fp32_avx512, 10 * 16, "AVX-512"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {multiply_fp32_fma, 10 * 8, "AVX2 FMA"};
#endif
    return {multiply_fp32_loop, 64, "a plain loop"};
}

/// Products a second of `threads` threads at once, the best of a few runs.
inline double products_per_second(const MultiplyLoop& loop, unsigned threads) {
    constexpr std::size_t rounds = 2'000'000;
    std::vector<double> kept(threads);  // so that nothing is removed
    double best = 0;
    for (int repetition = 0; repetition < 5; ++repetition) {
        const double time = seconds_of([&] {
            parallel_for(threads, 1, threads, [&](std::size_t i, std::size_t) { kept[i] = loop.run(rounds); });
        });
        best = std::max(best, static_cast<double>(rounds) * loop.per_round * threads / time);
    }
    return best;
}

}  // namespace detail

/// Reads the bytes once on `threads` threads, each a consecutive part.
inline void read_all(const std::byte* p, std::size_t bytes, unsigned threads, Read how) {
    static std::atomic<std::uint64_t> kept;  // so that the loads are not removed
    const std::size_t part = (bytes + threads - 1) / threads;
    parallel_for(bytes, part, threads, [&](std::size_t begin, std::size_t end) {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx2")) {
            kept = detail::read_avx2(p + begin, end - begin, how);
            return;
        }
#endif
        kept = detail::read_words(p + begin, end - begin, how);
    });
}

struct FastestRead {
    Read how{};
    double seconds = 0;  ///< of its best run
};

/// The fastest way to read these bytes on this machine, out of a few that win on one machine or another.
inline FastestRead fastest_read(const std::byte* p, std::size_t bytes, unsigned threads) {
    FastestRead best;
    for (const Read how : {Read{1, 0}, Read{2, 0}, Read{4, 0}, Read{1, 1024}, Read{1, 2048}, Read{1, 4096}})
        for (int repetition = 0; repetition < 7; ++repetition) {
            const double time = seconds_of([&] { read_all(p, bytes, threads, how); });
            if (best.seconds == 0 || time < best.seconds) best = {how, time};
        }
    return best;
}

/// Of all threads together, a second.
struct MachineSpeed {
    unsigned threads = 1;
    double read_bytes = 0;                  ///< from memory, of a block that no cache holds
    double int8_products = 0;               ///< multiplications of 8-bit integers, sums included
    double fp32_products = 0;               ///< multiplications of floats, sums included
    std::string_view int8_instructions{};   ///< the fastest that this machine has, whether or not kernels use them
    std::string_view fp32_instructions{};
};

/// Measures for two seconds or so.  threads: 0 is every core
inline MachineSpeed machine_speed(unsigned threads) {
    constexpr std::size_t bytes = std::size_t{256} << 20;
    threads = thread_count(threads);
    MachineSpeed out{.threads = threads};
    const std::vector<std::byte> block(bytes, std::byte{1});
    out.read_bytes = static_cast<double>(bytes) / fastest_read(block.data(), bytes, threads).seconds;
    const detail::MultiplyLoop int8 = detail::int8_loop(), fp32 = detail::fp32_loop();
    out.int8_products = detail::products_per_second(int8, threads);
    out.int8_instructions = int8.name;
    out.fp32_products = detail::products_per_second(fp32, threads);
    out.fp32_instructions = fp32.name;
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
