#include <bitnet/core/worker_pool.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <set>
#include <thread>

#include <bitnet/core/parallel_for.hpp>

TEST_CASE("helpers take part while the caller has work, and no more of them than it asked for") {
    for (const unsigned helpers : {0u, 1u, 3u}) {
        std::mutex mutex;
        std::set<std::thread::id> workers;
        std::atomic<unsigned> calls = 0;
        const auto work = [&] {
            ++calls;
            const std::lock_guard lock(mutex);
            workers.insert(std::this_thread::get_id());
        };
        for (int round = 0; round < 200; ++round) {
            calls = 0;
            bitnet::WorkerPool::shared().run(helpers, work);
            REQUIRE(calls >= 1);
            REQUIRE(calls <= helpers + 1);
        }
        CHECK(workers.contains(std::this_thread::get_id()));
    }
}

TEST_CASE("a helper that was asked for comes when the caller waits long enough") {
    std::atomic<unsigned> begun = 0;
    const auto work = [&] {
        ++begun;
        while (begun < 3) std::this_thread::yield();  // ends only with two helpers at work
    };
    bitnet::WorkerPool::shared().run(2, work);
    CHECK(begun == 3);
}

TEST_CASE("work that asks for help in turn ends, from several callers at once") {
    std::atomic<int> sum = 0;
    const auto nested = [&] {
        bitnet::parallel_for(8, 1, 3, [&](std::size_t, std::size_t) {
            bitnet::parallel_for(8, 1, 3, [&](std::size_t, std::size_t) { ++sum; });
        });
    };
    {
        std::jthread other(nested), another(nested);
        nested();
    }
    CHECK(sum == 3 * 64);
}

TEST_CASE("idle helpers sleep and wake again") {
    std::atomic<int> sum = 0;
    for (int round = 0; round < 3; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        bitnet::parallel_for(100, 1, 2, [&](std::size_t, std::size_t) { ++sum; });
    }
    CHECK(sum == 300);
}
