#include <bitnet/compress/search.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace bitnet;

namespace {

constexpr double nowhere = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// What every search owes, whatever the loss: the least that was evaluated, the first of equals.
template <class Candidate>
void check_choice(const SearchResult<Candidate>& result) {
    REQUIRE_FALSE(result.tried.empty());
    std::size_t best = 0;
    const auto worth = [](double loss) { return std::isfinite(loss) ? loss : nowhere; };
    for (std::size_t i = 0; i < result.tried.size(); ++i)
        if (worth(result.tried[i].loss) < worth(result.tried[best].loss)) best = i;
    CHECK(result.best == best);
    CHECK(&result.chosen() == &result.tried[best]);
}

void wait_for(double seconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < until) {
    }
}

template <class Action>
std::string search_refusal(const Action& action) {
    try {
        action();
    } catch (const error& problem) {
        CHECK(problem.code() == errc::bad_value);
        return problem.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the minimum of one valley is found within the tolerance, wherever it lies, in few evaluations") {
    for (const double wanted : {0.0, 0.013, 0.25, 0.5, 0.77, 0.999, 1.0})
        for (const double tolerance : {0.05, 0.01, 1e-4}) {
            CAPTURE(wanted);
            CAPTURE(tolerance);
            const auto result = search_knob({.tolerance = tolerance}, [&](double x) { return std::abs(x - wanted); });
            check_choice(result);
            CHECK(result.finished);
            CHECK(std::abs(result.chosen().candidate - wanted) <= tolerance);
            // Each golden section leaves 0.618 of the two cells, the first but up to one of them.
            const double cells = 2.0 / 6;
            CHECK(result.tried.size() <= 7 + 2 + static_cast<std::size_t>(std::ceil(std::log(2 * tolerance / cells) / std::log(0.618034))));
        }
}

TEST_CASE("a lopsided valley in units of its own is found too") {
    const auto loss = [](double t) { return std::pow(std::log(t / 3e-4), 2); };
    const auto result = search_knob({.low = 1e-4, .high = 2e-3, .grid = 5, .tolerance = 1e-6}, loss, {.evaluations = 64});
    CHECK(std::abs(result.chosen().candidate - 3e-4) <= 1e-6);
    CHECK(result.finished);
    for (const auto& one : result.tried) {
        CHECK(one.loss == loss(one.candidate));
        CHECK(one.candidate >= 1e-4);
        CHECK(one.candidate <= 2e-3);
        CHECK(one.seconds >= 0);
    }
}

TEST_CASE("no more evaluations are made than were allowed, and one is made in any case, in the middle") {
    for (const std::size_t evaluations : {1u, 2u, 6u, 7u, 8u, 11u}) {
        std::size_t calls = 0;
        const auto result = search_knob({.low = -1, .high = 3, .tolerance = 1e-9}, [&](double x) { return ++calls, x * x; }, {.evaluations = evaluations});
        CHECK(calls == evaluations);
        CHECK(result.tried.size() == evaluations);
        CHECK_FALSE(result.finished);
        CHECK(result.tried[0].candidate == 1.0);
        check_choice(result);
    }
    CHECK(search_knob({}, [](double x) { return x; }, {.seconds = 0}).tried.size() == 1);
    const std::vector<int> numbers{5, 4, 3};
    const auto list = search_list(std::span(numbers), [](int x) { return x; }, {.seconds = 0});
    CHECK(list.tried.size() == 1);
    CHECK(list.chosen().candidate == 5);
    CHECK_FALSE(list.finished);
}

TEST_CASE("no evaluation begins that would end after the time that there is") {
    const auto result = search_knob({.tolerance = 1e-12}, [](double x) { return wait_for(0.02), x; }, {.evaluations = 1000, .seconds = 0.1});
    CHECK(result.tried.size() <= 5);
    CHECK_FALSE(result.finished);
    double longest = 0, sum = 0;
    for (const auto& one : std::span(result.tried).first(result.tried.size() - 1)) {
        longest = std::max(longest, one.seconds);
        sum += one.seconds;
    }
    CHECK(sum + longest <= 0.1);  // there was room for the last one
}

TEST_CASE("on a plateau and in noise the least of what was seen is chosen, and the search ends") {
    const auto flat = search_knob({.tolerance = 1e-3}, [](double) { return 4.0; }, {.evaluations = 1000});
    check_choice(flat);
    CHECK(flat.best == 0);
    CHECK(flat.finished);
    CHECK(flat.tried.size() < 40);
    // A staircase with a hole, and noise that is a function of the value alone.
    const auto stairs = search_knob({.tolerance = 1e-3}, [](double x) { return std::floor(std::abs(x - 0.4) * 10); }, {.evaluations = 1000});
    check_choice(stairs);
    CHECK(stairs.chosen().loss == 0);
    const auto noise = [](double x) { return (x - 0.3) * (x - 0.3) + 0.01 * std::sin(1e4 * x); };
    const auto noisy = search_knob({.tolerance = 1e-3}, noise, {.evaluations = 1000});
    check_choice(noisy);
    CHECK(std::abs(noisy.chosen().candidate - 0.3) < 0.2);
}

TEST_CASE("a loss that is not finite ranks last, and is recorded") {
    const auto holes = search_knob({.tolerance = 1e-3}, [](double x) { return x < 0.6 ? no_number : x < 0.7 ? -nowhere : x; }, {.evaluations = 100});
    check_choice(holes);
    CHECK(holes.chosen().loss >= 0.7);
    CHECK(std::isfinite(holes.chosen().loss));
    CHECK(std::ranges::any_of(holes.tried, [](const auto& one) { return !std::isfinite(one.loss); }));
    const auto nothing = search_knob({.tolerance = 1e-2}, [](double) { return no_number; }, {.evaluations = 100});
    CHECK(nothing.best == 0);
    CHECK(nothing.finished);
    const std::vector<double> losses{-nowhere, no_number, 7, nowhere, 3, 3};
    const auto list = search_list(std::span(losses), [](double loss) { return loss; });
    CHECK(list.best == 4);
    CHECK(list.tried.size() == 6);
    CHECK(list.finished);
}

TEST_CASE("the same losses give the same sequence") {
    const auto loss = [](double x) { return std::cos(9 * x) + x; };
    const auto one = search_knob({.tolerance = 1e-5}, loss, {.evaluations = 100}), other = search_knob({.tolerance = 1e-5}, loss, {.evaluations = 100});
    REQUIRE(one.tried.size() == other.tried.size());
    for (std::size_t i = 0; i < one.tried.size(); ++i) CHECK(one.tried[i].candidate == other.tried[i].candidate);
}

TEST_CASE("a range of one value is one evaluation, and numbers that have nothing between them end the search") {
    const auto one = search_knob({.low = 0.5, .high = 0.5}, [](double x) { return x; });
    CHECK(one.tried.size() == 1);
    CHECK(one.chosen().candidate == 0.5);
    CHECK(one.finished);
    const auto close = search_knob({.tolerance = 1e-300}, [](double x) { return std::abs(x - 0.3); }, {.evaluations = 10000});
    CHECK(close.finished);
    CHECK(close.tried.size() < 400);
    CHECK(close.chosen().candidate == doctest::Approx(0.3));
}

TEST_CASE("candidates of any type are tried in their order, and what the loss throws comes through") {
    const std::vector<std::string> names{"long name", "short", "tiny", "four"};
    const auto result = search_list(std::span(names), [](const std::string& name) { return name.size(); }, {.evaluations = 4});
    CHECK(result.chosen().candidate == "tiny");
    CHECK(result.finished);
    for (std::size_t i = 0; i < names.size(); ++i) CHECK(result.tried[i].candidate == names[i]);
    CHECK_THROWS_WITH_AS(search_knob({}, [](double) -> double { throw error(errc::missing, "no text"); }), "no text", error);
}

TEST_CASE("ranges, grids, tolerances and budgets that make no sense are refused") {
    const auto loss = [](double x) { return x; };
    CHECK(search_refusal([&] { search_knob({.low = 1, .high = 0}, loss); }) == "search: a range from 1 to 0 holds nothing to try");
    CHECK(search_refusal([&] { search_knob({.low = no_number}, loss); }).starts_with("search: a range from nan"));
    CHECK(search_refusal([&] { search_knob({.grid = 1}, loss); }) == "search: a grid of 1; 2 or more values are expected");
    CHECK(search_refusal([&] { search_knob({.tolerance = 0}, loss); }) == "search: a tolerance of 0; more than 0 is expected");
    const std::string_view budget = "search: a budget of one evaluation or more, and of no negative time, is expected";
    CHECK(search_refusal([&] { search_knob({}, loss, {.evaluations = 0}); }) == budget);
    CHECK(search_refusal([&] { search_knob({}, loss, {.seconds = no_number}); }) == budget);
    CHECK(search_refusal([&] { search_list(std::span<const double>{}, loss); }) == "search: there is nothing to choose from");
}
