#include <bitnet/calibrate/allocation.hpp>

#include <doctest/doctest.h>

#include <bitnet/core/rng.hpp>

using namespace bitnet;
using Options = std::vector<std::vector<StorageOption>>;
using Chosen = std::vector<std::size_t>;

TEST_CASE("bytes go where they gain most, as far as they reach") {
    const Options options{{{10, 5}, {20, 1}}, {{10, 3}, {20, 2}}};
    CHECK(allocate(options, 20).chosen == Chosen{0, 0});
    CHECK(allocate(options, 29).chosen == Chosen{0, 0});
    CHECK(allocate(options, 30).chosen == Chosen{1, 0});
    const Allocation all = allocate(options, 1000);
    CHECK(all.chosen == Chosen{1, 1});
    CHECK(all.bytes == 40);
    CHECK(all.loss == 3);
}

TEST_CASE("no more is spent than is needed for a loss that is good enough") {
    const Options options{{{10, 5}, {20, 1}}, {{10, 3}, {20, 2}}};
    CHECK(allocate(options, 1000, 4).chosen == Chosen{1, 0});
    CHECK(allocate(options, 1000, 8).chosen == Chosen{0, 0});
}

TEST_CASE("an option that costs more and is no better is never taken, nor one inside the hull while the budget reaches beyond") {
    const Options options{{{10, 8}, {20, 9}, {30, 7.5}, {40, 2}}};
    CHECK(allocate(options, 40).chosen == Chosen{3});
    CHECK(allocate(options, 35).chosen == Chosen{0});  // the step that pays does not fit
    CHECK(allocate(Options{{{10, 8}, {10, 3}}}, 10).chosen == Chosen{1});
}

TEST_CASE("the greedy choice is within one step of the best of all choices") {
    Random random(1);
    for (int trial = 0; trial < 100; ++trial) {
        Options options(5);
        double largest_step = 0;
        for (auto& of_tensor : options) {
            const double gain = 1 + std::abs(static_cast<double>(random.normal()));
            of_tensor = {{10, 3 * gain}, {20, gain}, {30, 0.3 * gain}};
            largest_step = std::max(largest_step, 2 * gain);
        }
        const std::size_t budget = 50 + static_cast<std::size_t>(random.below(11)) * 10;
        const Allocation greedy = allocate(options, budget);
        double best = 1e30;
        for (int all = 0; all < 243; ++all) {
            std::size_t bytes = 0;
            double loss = 0;
            for (std::size_t i = 0, rest = static_cast<std::size_t>(all); i < 5; ++i, rest /= 3) {
                bytes += options[i][rest % 3].bytes;
                loss += options[i][rest % 3].loss;
            }
            if (bytes <= budget) best = std::min(best, loss);
        }
        CHECK(greedy.bytes <= budget);
        CHECK(greedy.loss >= best - 1e-9);
        CHECK(greedy.loss <= best + largest_step);
    }
}

TEST_CASE("a budget below the least and a tensor without options are refused") {
    CHECK_THROWS_WITH_AS(allocate(Options{{{10, 5}}, {{10, 3}}}, 19), "a budget of 19 bytes: the smallest way to store everything takes 20", error);
    CHECK_THROWS_WITH_AS(allocate(Options{{{10, 5}}, {}}, 19), "tensor 1 has no way to be stored", error);
    CHECK(allocate(Options{}, 0).chosen.empty());
}
