/// How the learning rate rises and falls over a run.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string_view>

#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI {

/// The way down after the warm-up; constant has none.
enum class ScheduleKind { constant, cosine, linear };

constexpr std::string_view to_string(ScheduleKind kind) noexcept {
    switch (kind) {
        case ScheduleKind::constant: return "constant";
        case ScheduleKind::cosine: return "cosine";
        case ScheduleKind::linear: return "linear";
    }
    return "unknown";
}

/// A factor on the peak learning rate for each step: a straight rise, then the decay of its kind to `floor`.
///
///     step < warmup     (step + 1) / warmup
///     afterwards        floor + (1 - floor)·f(p),  p = (step - top) / (steps - 1 - top),  top = max(warmup, 1) - 1
///                       f(p) = 1 constant,  (1 + cos πp) / 2 cosine,  1 - p linear
///
/// The first step's factor is not 0, that of step `top` is 1, and that of the last step is `floor` (1 if constant). A run
/// of no more steps than `warmup` ends while it rises.
///
/// Knobs   kind: constant, cosine or linear; warmup in [0, 1e9] steps; floor in [0, 1]
/// Source  Loshchilov, Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts", eq. 5, one period
struct Schedule {
    static constexpr std::string_view name = "schedule";
    ScheduleKind kind = ScheduleKind::cosine;
    std::size_t warmup = 20;
    double floor = 0;
    static constexpr void knobs(auto&& visit) {
        visit(Choice{"kind", &Schedule::kind, std::array{ScheduleKind::constant, ScheduleKind::cosine, ScheduleKind::linear}},
              Knob{"warmup", &Schedule::warmup, std::size_t{0}, std::size_t{1'000'000'000}},
              Knob{"floor", &Schedule::floor, 0.0, 1.0});
    }

    /// In [0, 1]. Steps count from 0; those past the end are like the last.
    double factor(std::size_t step, std::size_t steps) const {
        if (steps > 0) step = std::min(step, steps - 1);
        if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
        const std::size_t top = std::max<std::size_t>(warmup, 1) - 1;
        if (kind == ScheduleKind::constant || step == top) return 1;
        const double done = static_cast<double>(step - top) / static_cast<double>(steps - 1 - top);
        const double left = kind == ScheduleKind::linear ? 1 - done : (1 + std::cos(std::numbers::pi * done)) / 2;
        return floor + (1 - floor) * left;
    }
    bool operator==(const Schedule&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI
