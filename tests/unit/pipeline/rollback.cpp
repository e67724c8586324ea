#include <bitnet/pipeline/rollback.hpp>

#include <limits>

#include <doctest/doctest.h>

using namespace bitnet;

namespace {

Outcome outcome_of(const GateFigures& figures) { return {.figures = figures, .gates = check_gates(figures, {})}; }

}  // namespace

TEST_CASE("of two outcomes the one with fewer failed gates is better, then the lower rise, then the smaller file") {
    const Outcome good = outcome_of({.degradation = 0.09, .compression_ratio = 9}), high = outcome_of({.degradation = 0.3, .compression_ratio = 9}),
                  higher = outcome_of({.degradation = 0.4, .compression_ratio = 12}), large = outcome_of({.degradation = 0.01, .compression_ratio = 4}),
                  both = outcome_of({.degradation = 0.2, .compression_ratio = 4});
    CHECK(good.passed());
    CHECK(good.failures() == 0);
    CHECK(high.fails("perplexity_degradation"));
    CHECK_FALSE(high.fails("compression_ratio"));
    CHECK(both.failures() == 2);
    for (const Outcome* const worse : {&high, &higher, &large, &both}) CHECK(is_better(good, *worse));
    CHECK(is_better(high, higher));
    CHECK_FALSE(is_better(higher, high));
    CHECK(is_better(large, high));
    CHECK(is_better(higher, both));
    CHECK(is_better(outcome_of({.degradation = 0.09, .compression_ratio = 10}), good));
    CHECK_FALSE(is_better(good, good));
}

TEST_CASE("a rise that is not finite, or was not measured, is worse than any other") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Outcome lost = outcome_of({.degradation = nan, .compression_ratio = 9}), high = outcome_of({.degradation = 1e9, .compression_ratio = 9});
    CHECK(lost.fails("perplexity_degradation"));
    CHECK(is_better(high, lost));
    CHECK_FALSE(is_better(lost, high));
    CHECK(is_better(outcome_of({.degradation = 0.05, .compression_ratio = 9}), outcome_of({.compression_ratio = 9})));
}
