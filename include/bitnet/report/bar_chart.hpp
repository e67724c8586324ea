/// Bars, upright and lying, and two histograms above one axis, as SVG.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/report/axis.hpp>
#include <bitnet/report/line_chart.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>

namespace bitnet::inline BITNET_ABI::report {

/// A place of a bar chart, and a value for each series. What is no finite number, or negative, has no bar.
struct Bar {
    std::string name{};
    std::vector<double> values{};
};

struct BarChart {
    std::string title{}, x_title{}, y_title{};
    std::vector<std::string> series{};  ///< names; one without a name has no legend
    std::vector<Bar> bars{};
    std::function<std::string(double)> text = [](double value) { return significant(value); };
    std::optional<double> full{};  ///< value of the longest bar that fits; the largest of all where it is not given
};

namespace detail {

inline double bar_length(double value) { return has_place(value, Scaling::linear) && value > 0 ? value : 0; }

inline void add_bar(Markup& out, double x, double y, double width, double height, std::string_view kind, std::string_view name) {
    out.open(
        "rect",
        {{"x", place_text(x)}, {"y", place_text(y)}, {"width", place_text(width)}, {"height", place_text(height)}, {"class", std::string(kind)}});
    out.element("title", name).close();
}

inline bool has_names(const BarChart& chart) { return chart.series.size() > 1 || (chart.series.size() == 1 && !chart.series[0].empty()); }

inline std::string bar_name(const BarChart& chart, const Bar& bar, std::size_t series) {
    const std::string which = series < chart.series.size() && !chart.series[series].empty() ? ", " + chart.series[series] : "";
    return message(bar.name, which, ": ", chart.text(bar.values[series]));
}

}  // namespace detail

/// A group of lying bars for each place, one bar a series: names to the left, values to the right.
inline Markup lying_bars(const BarChart& chart) {
    using namespace detail;
    constexpr double thick = 12, step = 15, gap = 9;
    double most = 0, names = 0, values = 0;
    for (const Bar& bar : chart.bars) {
        names = std::max(names, text_width(shortened(bar.name, 24, Keep::end)));
        for (const double value : bar.values) {
            most = std::max(most, bar_length(value));
            values = std::max(values, text_width(chart.text(value)));
        }
    }
    most = chart.full.value_or(most);
    Markup unused;
    const double legend = has_names(chart) ? add_legend(unused, chart.series, 0, drawing_width) + 4 : 0;
    const double left = names + 8, room = std::max(drawing_width - left - values - 8, 40.0);
    double height = legend;
    for (const Bar& bar : chart.bars) height += std::max(static_cast<double>(bar.values.size()) * step, 16.0) + gap;
    Markup out = begin_drawing(chart.title, drawing_width, height);
    if (legend > 0) add_legend(out, chart.series, 0, drawing_width);
    double y = legend;
    for (const Bar& bar : chart.bars) {
        const double high = std::max(static_cast<double>(bar.values.size()) * step, 16.0);
        add_text(out, names, y + high / 2 + 4, shortened(bar.name, 24, Keep::end), "end");
        for (std::size_t i = 0; i < bar.values.size(); ++i) {
            const double length = most > 0 ? std::min(bar_length(bar.values[i]) / most, 1.0) * room : 0;
            const double top = y + (high - static_cast<double>(bar.values.size()) * step) / 2 + static_cast<double>(i) * step + 1;
            add_bar(out, left, top, std::max(length, 1.0), thick, message("fill c", i % 4), bar_name(chart, bar, i));
            add_text(out, left + length + 6, top + thick - 2, chart.text(bar.values[i]), "value");
        }
        y += high + gap;
    }
    return out.finished();
}

/// A column for each place, the series on top of each other.
inline Markup upright_bars(const BarChart& chart) {
    using namespace detail;
    constexpr double height = 280;
    std::vector<double> sums{0};
    for (const Bar& bar : chart.bars) {
        double sum = 0;
        for (const double value : bar.values) sum += bar_length(value);
        sums.push_back(sum);
    }
    Markup unused;
    const double legend = has_names(chart) ? add_legend(unused, chart.series, 62, drawing_width) : 0;
    const Axis y = axis_of(sums, Scaling::linear, legend + height - 46, legend + 12);
    Markup out = begin_drawing(chart.title, drawing_width, legend + height);
    if (legend > 0) add_legend(out, chart.series, 62, drawing_width);
    const double left = 62, right = drawing_width - 8, step = (right - left) / static_cast<double>(std::max<std::size_t>(chart.bars.size(), 1));
    for (const double tick : y.ticks) {
        if (tick < 0) continue;
        add_line(out, left, y(tick), right, y(tick), "grid");
        add_text(out, left - 7, y(tick) + 4, tick_text(tick), "end");
    }
    double free = 0;
    for (std::size_t i = 0; i < chart.bars.size(); ++i) {
        const Bar& bar = chart.bars[i];
        const double wide = std::min(step * 0.8, 48.0), middle = left + (static_cast<double>(i) + 0.5) * step;
        double sum = 0;
        for (std::size_t s = 0; s < bar.values.size(); ++s) {
            const double more = bar_length(bar.values[s]);
            if (more > 0)
                add_bar(out, middle - wide / 2, y(sum + more), wide, y(sum) - y(sum + more), message("fill c", s % 4), bar_name(chart, bar, s));
            sum += more;
        }
        const double half = text_width(shortened(bar.name, 12, Keep::end)) / 2;
        if (middle - half < free) continue;
        add_text(out, middle, y(0) + 18, shortened(bar.name, 12, Keep::end), "middle");
        free = middle + half + 6;
    }
    add_line(out, left, y(0), right, y(0), "axis");
    add_text(out, (left + right) / 2, y(0) + 38, chart.x_title, "middle");
    const std::string at = message("translate(14 ", place_text((y.begin + y.end) / 2), ") rotate(-90)");
    out.element("text", chart.y_title, {{"transform", at}, {"class", "middle"}});
    return out.finished();
}

/// How values lie between edges, before and after; each as shares of its own sum, with its own height.
struct Histograms {
    std::string title{};
    std::vector<double> edges{};            ///< rising, one more than counts
    std::vector<double> before{}, after{};  ///< counts or shares
};

/// Whether there is something to draw: rising edges and counts that fit them.
inline bool is_drawable(const Histograms& both) {
    const auto placed = [](double value) { return has_place(value, Scaling::linear); };
    const auto fits = [&](const std::vector<double>& counts) {
        return counts.size() + 1 == both.edges.size() && std::ranges::all_of(counts, [&](double x) { return placed(x) && x >= 0; }) &&
               std::ranges::any_of(counts, [](double x) { return x > 0; });
    };
    return both.edges.size() > 1 && std::ranges::all_of(both.edges, placed) &&
           std::ranges::adjacent_find(both.edges, std::greater_equal<>{}) == both.edges.end() && fits(both.before) && fits(both.after);
}

namespace detail {

/// The outline of one histogram, filled, standing on `base` and `high` units high.
inline void add_histogram(Markup& out, const Histograms& both, const std::vector<double>& counts, const Axis& x, double base, double high,
                          std::size_t colour) {
    double sum = 0, most = 0;
    for (const double count : counts) sum += count, most = std::max(most, count);
    std::string path = message("M", place_text(x(both.edges.front())), " ", place_text(base));
    for (std::size_t i = 0; i < counts.size(); ++i)
        path += message("V", place_text(base - counts[i] / most * high), "H", place_text(x(both.edges[i + 1])));
    out.empty("path", {{"d", path + message("V", place_text(base), "Z")}, {"class", message("fill c", colour)}});
    add_line(out, x.begin, base, x.end, base, "axis");
    add_text(out, x.begin, base - high - 6, message(colour == 0 ? "before" : "after", ", at most ", percent(most / sum, 1), " in a bar"));
}

}  // namespace detail

/// is_drawable(both) must hold.
inline Markup drawing_of(const Histograms& both) {
    using namespace detail;
    const std::vector<double> ends{both.edges.front(), both.edges.back()};
    Axis x = axis_of(ends, Scaling::linear, 14, drawing_width - 14);
    Markup out = begin_drawing(both.title, drawing_width, 250);
    add_histogram(out, both, both.before, x, 112, 88, 0);
    add_histogram(out, both, both.after, x, 222, 84, 1);
    for (const double tick : x.ticks) {
        const double half = text_width(tick_text(tick)) / 2;
        add_line(out, x(tick), 222, x(tick), 226, "axis");
        add_text(out, std::clamp(x(tick), half, drawing_width - half), 241, tick_text(tick), "middle");
    }
    return out.finished();
}

}  // namespace bitnet::inline BITNET_ABI::report
