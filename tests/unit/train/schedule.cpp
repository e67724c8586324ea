#include <bitnet/train/schedule.hpp>

#include <doctest/doctest.h>

#include <set>
#include <vector>

using bitnet::Schedule;
using bitnet::ScheduleKind;

namespace {

std::vector<double> factors(const Schedule& schedule, std::size_t steps) {
    std::vector<double> out;
    for (std::size_t step = 0; step < steps; ++step) out.push_back(schedule.factor(step, steps));
    return out;
}

void check_factors(const Schedule& schedule, const std::vector<double>& expected) {
    const std::vector<double> found = factors(schedule, expected.size());
    for (std::size_t step = 0; step < expected.size(); ++step) {
        CAPTURE(step);
        CHECK(found[step] == doctest::Approx(expected[step]).epsilon(1e-12).scale(1));
    }
}

}  // namespace

TEST_CASE("a straight rise to the peak, then the decay of its kind to the floor at the last step") {
    check_factors({.kind = ScheduleKind::cosine, .warmup = 2}, {0.5, 1, 0.75, 0.25, 0});  // cos 60° and 120°
    check_factors({.kind = ScheduleKind::linear, .warmup = 2}, {0.5, 1, 2.0 / 3, 1.0 / 3, 0});
    check_factors({.kind = ScheduleKind::constant, .warmup = 2}, {0.5, 1, 1, 1, 1});
    check_factors({.kind = ScheduleKind::cosine, .warmup = 2, .floor = 0.2}, {0.5, 1, 0.8, 0.4, 0.2});
    check_factors({.kind = ScheduleKind::linear, .warmup = 4, .floor = 0.5}, {0.25, 0.5, 0.75, 1, 0.75, 0.5});
}

TEST_CASE("without a warm-up, or with one of a single step, the first step is at the peak") {
    check_factors({.kind = ScheduleKind::linear, .warmup = 0}, {1, 0.75, 0.5, 0.25, 0});
    check_factors({.kind = ScheduleKind::linear, .warmup = 1}, {1, 0.75, 0.5, 0.25, 0});
    check_factors({.kind = ScheduleKind::cosine, .warmup = 0}, {1});
}

TEST_CASE("a run shorter than the warm-up ends while it rises, and steps past the end are like the last") {
    check_factors({.warmup = 4}, {0.25, 0.5, 0.75});
    check_factors({.warmup = 4}, {0.25, 0.5, 0.75, 1});
    CHECK(Schedule{.warmup = 2}.factor(99, 5) == Schedule{.warmup = 2}.factor(4, 5));
}

TEST_CASE("factors lie in (0, 1] up to the last step, whatever the schedule") {
    for (const ScheduleKind kind : {ScheduleKind::constant, ScheduleKind::cosine, ScheduleKind::linear})
        for (const std::size_t warmup : {0u, 1u, 7u, 50u, 99u, 100u})
            for (const double floor : {0.0, 0.1, 1.0}) {
                const std::vector<double> found = factors({.kind = kind, .warmup = warmup, .floor = floor}, 100);
                for (std::size_t step = 0; step < 100; ++step) {
                    CHECK(found[step] <= 1);
                    CHECK(found[step] >= (step < 99 ? 1e-9 : 0.0));
                }
            }
}

TEST_CASE("a schedule has the text form of a policy, and its values their ranges") {
    const Schedule schedule{.kind = ScheduleKind::linear, .warmup = 50, .floor = 0.1};
    CHECK(bitnet::to_string(schedule) == "schedule{.kind=linear, .warmup=50, .floor=0.1}");
    CHECK(bitnet::from_string<Schedule>(bitnet::to_string(schedule)) == schedule);
    CHECK_THROWS_WITH_AS(bitnet::from_string<Schedule>("schedule{.kind=square}"),
                         "schedule: kind = square is none of constant, cosine, linear", bitnet::error);
    CHECK_THROWS_WITH_AS(bitnet::check_knobs(Schedule{.floor = 1.5}), "schedule: floor = 1.5 is outside [0, 1]", bitnet::error);
    std::set<std::string_view> names;
    for (const ScheduleKind kind : {ScheduleKind::constant, ScheduleKind::cosine, ScheduleKind::linear, static_cast<ScheduleKind>(9)})
        names.insert(bitnet::to_string(kind));
    CHECK(names.size() == 4);
}
