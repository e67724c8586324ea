#include <bitnet/core/parallel_for.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

TEST_CASE("every index is visited once, in the same pieces for every number of threads") {
    for (const unsigned threads : {1u, 2u, 3u, 8u})
        for (const std::size_t count : {0u, 1u, 7u, 64u, 1000u}) {
            std::vector<int> visits(count, 0);
            std::atomic<int> uneven = 0;
            bitnet::parallel_for(count, 10, threads, [&](std::size_t begin, std::size_t end) {
                if (begin % 10 != 0 || (end - begin != 10 && end != count)) ++uneven;
                for (std::size_t i = begin; i < end; ++i) ++visits[i];
            });
            CHECK(uneven == 0);
            CHECK(std::accumulate(visits.begin(), visits.end(), 0) == static_cast<int>(count));
        }
}

TEST_CASE("of several failures the first piece's is the one that is thrown") {
    for (const unsigned threads : {1u, 2u, 4u})
        for (int round = 0; round < 50; ++round) {
            std::string what;
            try {
                bitnet::parallel_for(100, 1, threads, [](std::size_t begin, std::size_t) {
                    if (begin >= 17) throw std::runtime_error(std::to_string(begin));
                });
            } catch (const std::runtime_error& problem) {
                what = problem.what();
            }
            REQUIRE(what == "17");
        }
}

TEST_CASE("balanced pieces are four for each thread, unless they would be too short") {
    CHECK(bitnet::balanced_piece(800, 16, 2) == 100);
    CHECK(bitnet::balanced_piece(801, 16, 2) == 101);
    CHECK(bitnet::balanced_piece(100, 16, 8) == 16);
    CHECK(bitnet::balanced_piece(0, 1, 1) == 1);
    CHECK(bitnet::balanced_piece(1000, 1, 0) >= 1);
}

TEST_CASE("a piece of no size counts as one") {
    int calls = 0;
    bitnet::parallel_for(3, 0, 1, [&](std::size_t, std::size_t) { ++calls; });
    CHECK(calls == 3);
}
