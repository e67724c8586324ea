/// Threads that wait for work: starting one costs tens of microseconds, waking one costs a few.
#pragma once

#include <atomic>
#include <mutex>

#include <pthread.h>  // <thread> and <condition_variable> would cost whoever includes this an eighth more compile time

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// Helpers that all callers of a process share. Who calls takes part itself and waits for nobody that has not begun, so
/// that work may call for help in turn.
class WorkerPool {
public:
    /// The pool of this process. It grows as far as anyone asks for and is never destroyed: nothing waits for its
    /// threads when the program ends.
    static WorkerPool& shared() {
        static WorkerPool& pool = *new WorkerPool;
        return pool;
    }

    /// Calls work() on this thread and on up to `helpers` others, and returns when all of these calls have.
    /// work: throws nothing; a later call finds what earlier ones have left to do, if anything
    template <class Work>
    void run(unsigned helpers, const Work& work) {
        if (helpers == 0) return work();
        Job job{[](const void* context) { (*static_cast<const Work*>(context))(); }, &work, helpers};
        post(job, helpers);
        work();
        finish(job);
    }

private:
    struct Job {
        void (*call)(const void*);
        const void* context;
        unsigned wanted;                  ///< helpers that may still begin; under mutex_, as the list is
        std::atomic<unsigned> inside{0};  ///< helpers that have begun and not ended
        Job* next = nullptr;              ///< in the list of jobs
    };

    void post(Job& job, unsigned helpers) {
        {
            const std::lock_guard lock(mutex_);
            while (threads_ < helpers && start()) ++threads_;
            Job** end = &jobs_;
            while (*end != nullptr) end = &(*end)->next;
            *end = &job;
            posted_.fetch_add(1);  // sequentially consistent, as the wait for it: or the notice could be missed
        }
        for (unsigned i = 0; i < helpers; ++i) posted_.notify_one();
    }

    void finish(Job& job) {
        {
            const std::lock_guard lock(mutex_);
            Job** place = &jobs_;
            while (*place != &job) place = &(*place)->next;
            *place = job.next;
        }
        const auto idle = [&job] { return job.inside.load(std::memory_order_acquire) == 0; };
        if (spin_until(idle)) return;
        for (;;) {
            const unsigned seen = ended_.load(std::memory_order_acquire);
            if (idle()) return;
            ended_.wait(seen);
        }
    }

    /// False when there are no more threads to be had: fewer do the work.
    bool start() {
        pthread_t thread;
        const auto begin = [](void* pool) -> void* {
            static_cast<WorkerPool*>(pool)->serve();
            return nullptr;
        };
        if (pthread_create(&thread, nullptr, begin, this) != 0) return false;
        pthread_detach(thread);
        return true;
    }

    void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            Job* wanting = jobs_;
            while (wanting != nullptr && wanting->wanted == 0) wanting = wanting->next;
            if (wanting == nullptr) {
                const unsigned seen = posted_.load(std::memory_order_relaxed);
                lock.unlock();
                if (!spin_until([this, seen] { return posted_.load(std::memory_order_acquire) != seen; })) posted_.wait(seen);
                lock.lock();
                continue;
            }
            Job& job = *wanting;
            --job.wanted;
            job.inside.fetch_add(1, std::memory_order_relaxed);
            lock.unlock();
            job.call(job.context);
            const bool last = job.inside.fetch_sub(1, std::memory_order_acq_rel) == 1;  // from here on the job may be gone
            if (last) {
                ended_.fetch_add(1);
                ended_.notify_all();
            }
            lock.lock();
        }
    }

    /// Whether it came true within some tens of microseconds: the next product of a layer is nearly always that close.
    template <class Condition>
    static bool spin_until(const Condition& condition) {
        for (int i = 0; i < 1500; ++i) {
            if (condition()) return true;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
        return condition();
    }

    std::mutex mutex_{};
    Job* jobs_ = nullptr;              ///< the first of a list, oldest first
    std::atomic<unsigned> posted_{0};  ///< counts jobs: what idle threads wait on
    std::atomic<unsigned> ended_{0};   ///< counts jobs whose helpers have all ended: what their owners wait on
    unsigned threads_ = 0;
};

}  // namespace bitnet::inline BITNET_ABI
