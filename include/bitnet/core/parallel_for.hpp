/// Loops over independent pieces of work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>

#include <sched.h>
#include <unistd.h>

#include <bitnet/core/worker_pool.hpp>

namespace bitnet::inline BITNET_ABI {

/// Cores that this process may run on: those of the machine, or fewer where taskset or a container says so.
inline unsigned available_cores() {
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return static_cast<unsigned>(CPU_COUNT(&allowed));
#endif
    return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

/// What `threads` = 0 means: every core there is for this process.
inline unsigned thread_count(unsigned threads) { return threads != 0 ? threads : available_cores(); }

/// A piece for parallel_for that gives each of `threads` (0: all) about four, of `least` or more: for results that are the
/// same whatever the pieces.
inline std::size_t balanced_piece(std::size_t count, std::size_t least, unsigned threads) {
    const std::size_t pieces = 4 * std::size_t{thread_count(threads)};
    return std::max(least, (count + pieces - 1) / pieces);
}

/// Calls work(begin, end) for consecutive pieces of [0, count), at most `piece` long, on `threads` threads (0: all).
///
/// The pieces are the same for every number of threads, so a result that each piece writes to its own place is too.
/// When pieces throw, the exception of the lowest piece is rethrown after all threads have stopped: the same one
/// for every number of threads.
template <class Work>
void parallel_for(std::size_t count, std::size_t piece, unsigned threads, Work&& work) {
    if (count == 0) return;
    piece = std::max<std::size_t>(piece, 1);
    const std::size_t pieces = (count - 1) / piece + 1;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> first_failed{pieces};
    std::mutex failing;
    std::exception_ptr failure;
    const auto run = [&] {
        // Pieces are handed out in ascending order, so every piece below a failed one has been started and ends.
        for (std::size_t i; (i = next.fetch_add(1)) < first_failed.load();) {
            try {
                work(i * piece, std::min(count, (i + 1) * piece));
            } catch (...) {
                const std::lock_guard lock(failing);
                if (i > first_failed.load()) return;
                first_failed = i;
                failure = std::current_exception();
                return;
            }
        }
    };
    WorkerPool::shared().run(static_cast<unsigned>(std::min<std::size_t>(thread_count(threads), pieces)) - 1, run);
    if (failure) std::rethrow_exception(failure);
}

}  // namespace bitnet::inline BITNET_ABI
