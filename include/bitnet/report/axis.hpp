/// Axes of charts: which values they reach, their round numbers, and where a value lies.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/is_finite.hpp>
#include <bitnet/report/numbers.hpp>

namespace bitnet::inline BITNET_ABI::report {

enum class Scaling { linear, logarithmic };

/// Whether an axis has a place for the value. Beyond these limits quotients overflow.
inline bool has_place(double value, Scaling scaling) {
    return is_finite(value) && std::abs(value) < 1e150 && (scaling == Scaling::linear || value > 1e-150);
}

namespace detail {

/// Whether ticks can lie between both: somewhat wider than where values have a place.
inline bool is_span(double low, double high) {
    return is_finite(low) && is_finite(high) && std::max(std::abs(low), std::abs(high)) < 1e200 && high - low > 1e-280;
}

/// 1, 2 or 5 times 10^exponent.
struct RoundStep {
    double digit = 1;
    int exponent = 0;
    /// A multiple, divided where the exponent is negative: 3 steps of 0.1 are 0.3 and not the double behind it.
    double times(double count) const {
        const double power = std::pow(10.0, std::abs(exponent));
        return exponent < 0 ? count * digit / power : count * digit * power;
    }
};

/// The least that is not below `width`, which is positive.
inline RoundStep round_step(double width) {
    RoundStep out{.exponent = static_cast<int>(std::floor(std::log10(width)))};
    for (const double digit : {1.0, 2.0, 5.0}) {
        out.digit = digit;
        if (out.times(1) >= width * (1 - 1e-9)) return out;
    }
    return {.exponent = out.exponent + 1};
}

/// Multiples of the step in [low, high], with a little play for what rounding does to the ends.
inline std::vector<double> multiples(const RoundStep& step, double low, double high) {
    std::vector<double> out;
    const double width = step.times(1);
    for (double i = std::ceil(low / width - 1e-6); i <= high / width + 1e-6 && out.size() < 100; ++i) out.push_back(i == 0 ? 0.0 : step.times(i));
    return out;
}

}  // namespace detail

/// Multiples of 1, 2 or 5 times a power of ten in [low, high], `most` of them or fewer as a rule.
inline std::vector<double> linear_ticks(double low, double high, std::size_t most = 6) {
    if (!detail::is_span(low, high)) return {};
    return detail::multiples(detail::round_step((high - low) / static_cast<double>(std::max<std::size_t>(most, 2))), low, high);
}

/// 1, 2 and 5 times powers of ten in [low, high], powers alone where those are many. Over less than that, linear ones.
inline std::vector<double> logarithmic_ticks(double low, double high, std::size_t most = 7) {
    if (!detail::is_span(low, high) || low < 1e-200) return {};
    const double first = std::floor(std::log10(low)), last = std::ceil(std::log10(high));
    const double limit = static_cast<double>(std::max<std::size_t>(most, 2));
    std::vector<double> out;
    const auto take = [&](double digit, double exponent) {
        const double value = detail::RoundStep{digit, static_cast<int>(exponent)}.times(1);
        if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) out.push_back(value);
    };
    for (double exponent = first; 3 * (last - first) <= 2 * limit && exponent <= last; ++exponent)
        for (const double digit : {1.0, 2.0, 5.0}) take(digit, exponent);
    if (out.size() >= 3) return out;
    out.clear();
    const double stride = std::ceil((last - first) / limit);
    for (double exponent = std::ceil(first / stride) * stride; exponent <= last; exponent += stride) take(1, exponent);
    return out.size() >= 3 ? out : linear_ticks(low, high, most);
}

/// 0.25, 1500, 20k, 3M, 1e-7.
inline std::string tick_text(double value) {
    const auto shortest = [](double x) {
        std::array<char, 64> text;
        return detail::plain_exponent({text.data(), std::to_chars(text.data(), text.data() + text.size(), x).ptr});
    };
    constexpr std::array<std::string_view, 4> units{"k", "M", "G", "T"};
    const double size = std::abs(value);
    if (size < 10'000 || size >= 1e15) return shortest(value);
    std::size_t unit = 0;
    double scaled = value / 1000;
    while (std::abs(scaled) >= 1000 && unit + 1 < units.size()) scaled /= 1000, ++unit;
    return shortest(scaled) + std::string(units[unit]);
}

/// From values to places on the page. `end` may lie before `begin`: upwards, places fall.
struct Axis {
    Scaling scaling = Scaling::linear;
    double low = 0, high = 1, begin = 0, end = 1;
    std::vector<double> ticks{};

    /// The value must have a place.
    double operator()(double value) const {
        const auto of = [this](double x) { return scaling == Scaling::logarithmic ? std::log(x) : x; };
        return begin + (of(value) - of(low)) / (of(high) - of(low)) * (end - begin);
    }
};

/// An axis that reaches all values that have a place, a round number beyond them where it is linear. Of one value, or
/// of equal ones, it reaches some way to both sides; of none, from 0 to 1 or from 1 to 10.
inline Axis axis_of(std::span<const double> values, Scaling scaling, double begin, double end) {
    Axis out{.scaling = scaling, .low = 1, .high = 0, .begin = begin, .end = end};
    bool any = false;
    for (const double value : values) {
        if (!has_place(value, scaling)) continue;
        out.low = any ? std::min(out.low, value) : value;
        out.high = any ? std::max(out.high, value) : value;
        any = true;
    }
    if (scaling == Scaling::logarithmic) {
        if (!any) out.low = 1, out.high = 10;
        const double room = out.high / out.low < 1 + 1e-9 ? 2 : std::pow(out.high / out.low, 0.06);
        out.low /= room, out.high *= room;
        out.ticks = logarithmic_ticks(out.low, out.high);
        return out;
    }
    if (!any) out.low = 0, out.high = 1;
    const double size = std::max(std::abs(out.low), std::abs(out.high));
    if (size < 1e-260 || out.high - out.low <= size * 1e-9) {
        const double room = size < 1e-260 ? 1 : size / 2;
        out.low -= room, out.high += room;
    }
    const detail::RoundStep step = detail::round_step((out.high - out.low) / 6);
    const double width = step.times(1);
    out.low = step.times(std::floor(out.low / width + 1e-6));
    out.high = step.times(std::ceil(out.high / width - 1e-6));
    out.ticks = detail::multiples(step, out.low, out.high);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
