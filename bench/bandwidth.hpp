// How fast this machine reads memory, measured beside what is compared with it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <vector>

#include <bitnet/core/parallel_for.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bench {

/// Whether seconds() counts the time of this process on its processors instead of the time on the wall: for machines
/// that others use too. Two threads then take two seconds a second.
inline bool count_cpu_time = false;

template <class Work>
double seconds(Work&& work) {
    if (count_cpu_time) {
        const std::clock_t begin = std::clock();
        work();
        return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    }
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The value below which `share` of the samples lie.
inline double quantile(std::vector<double> samples, double share) {
    std::sort(samples.begin(), samples.end());
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5)];
}

/// A plain read of everything: `streams` places at once, `ahead` bytes prefetched (0: left to the hardware).
struct Read {
    std::size_t streams = 1;
    std::size_t ahead = 0;
};

#if defined(__x86_64__)
__attribute__((target("avx2"))) inline std::uint64_t read_bytes(const std::byte* p, std::size_t bytes, Read how) {
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
#else
inline std::uint64_t read_bytes(const std::byte* p, std::size_t bytes, Read how) {
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
#endif

/// Reads the bytes once on `threads` threads, each a consecutive part.
inline void read_all(const std::byte* p, std::size_t bytes, unsigned threads, Read how) {
    static std::atomic<std::uint64_t> kept;  // so that the loads are not removed
    if (threads == 1) {
        kept = read_bytes(p, bytes, how);
        return;
    }
    bitnet::parallel_for(bytes, (bytes + threads - 1) / threads, threads, [&](std::size_t begin, std::size_t end) {
        kept = read_bytes(p + begin, end - begin, how);
    });
}

/// The fastest way to read these bytes on this machine, out of a few that win on one machine or another.
inline Read fastest_read(const std::byte* p, std::size_t bytes, unsigned threads) {
    Read best;
    double best_time = 0;
    for (const Read how : {Read{1, 0}, Read{2, 0}, Read{4, 0}, Read{1, 1024}, Read{1, 2048}, Read{1, 4096}}) {
        std::vector<double> times;
        for (int repetition = 0; repetition < 7; ++repetition)
            times.push_back(seconds([&] { read_all(p, bytes, threads, how); }));
        const double time = quantile(times, 0);
        if (best_time != 0 && time >= best_time) continue;
        best = how;
        best_time = time;
    }
    return best;
}

}  // namespace bench
