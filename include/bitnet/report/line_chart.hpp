/// Lines and points between two axes, as SVG.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/report/axis.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>

namespace bitnet::inline BITNET_ABI::report {

struct ChartPoint {
    double x = 0, y = 0;
    std::string name{};  ///< shown beside it where there is room, and where it is pointed at
    bool chosen = false;
};

struct ChartSeries {
    std::string name{};
    std::vector<ChartPoint> points{};
    bool connected = true;
};

/// Points with a coordinate that the axis has no place for are left out: NaN, infinities, on a logarithmic axis what
/// is not positive. A line of very many points keeps the lowest and the highest of each stretch.
struct LineChart {
    std::string title{}, x_title{}, y_title{};
    Scaling x = Scaling::linear, y = Scaling::linear;
    std::vector<ChartSeries> series{};
    std::optional<double> level{};  ///< a line across, and what it is
    std::string level_name{};
    bool diagonal = false;  ///< where y equals x; both axes then reach the same values
};

/// Of all drawings, in their own units; the page makes them smaller or larger.
inline constexpr double drawing_width = 480;

namespace detail {

/// Letters of a drawing are 13 units high, and about this wide.
inline double text_width(std::string_view text) {
    const auto begins = [](char letter) { return (static_cast<unsigned char>(letter) & 0xc0u) != 0x80u; };
    return 7.0 * static_cast<double>(std::ranges::count_if(text, begins));
}

inline Markup begin_drawing(std::string_view title, double width, double height, std::string_view shape = "") {
    Markup out;
    out.open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                     {"viewBox", message("0 0 ", place_text(width), " ", place_text(height))},
                     {"style", std::string(shape)},
                     {"role", "img"},
                     {"aria-label", std::string(title)}});
    return out;
}

inline void add_text(Markup& out, double x, double y, std::string_view text, std::string_view kind = "") {
    out.element("text", text, {{"x", place_text(x)}, {"y", place_text(y)}, {"class", std::string(kind)}});
}

inline void add_line(Markup& out, double x1, double y1, double x2, double y2, std::string_view kind) {
    out.empty("line", {{"x1", place_text(x1)}, {"y1", place_text(y1)}, {"x2", place_text(x2)}, {"y2", place_text(y2)}, {"class", std::string(kind)}});
}

/// A square of each series' colour and its name, from left to right; the height that they took.
inline double add_legend(Markup& out, std::span<const std::string> names, double left, double width) {
    double x = left, y = 14;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const double room = 30 + text_width(names[i]);
        if (x > left && x + room > width) x = left, y += 20;
        out.empty("rect", {{"x", place_text(x)}, {"y", place_text(y - 10)}, {"width", "12"}, {"height", "12"}, {"class", message("fill c", i % 4)}});
        add_text(out, x + 17, y, names[i]);
        x += room;
    }
    return y + 8;
}

/// The lowest and the highest point of each of so many stretches, in their order.
inline std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, std::size_t stretches = 300) {
    if (points.size() <= 3 * stretches) return points;
    std::vector<ChartPoint> out;
    for (std::size_t i = 0; i < stretches; ++i) {
        const std::span<const ChartPoint> part =
            std::span(points).subspan(i * points.size() / stretches, (i + 1) * points.size() / stretches - i * points.size() / stretches);
        const auto [low, high] = std::ranges::minmax_element(part, {}, &ChartPoint::y);
        for (const auto& one : {std::min(low, high), std::max(low, high)}) out.push_back(*one);
    }
    return out;
}

/// A rectangle that names, and points, may not share.
struct Taken {
    double left, right, top, bottom;
    bool meets(const Taken& other) const { return left < other.right && other.left < right && top < other.bottom && other.top < bottom; }
};

class LineDrawing {
public:
    explicit LineDrawing(LineChart chart) : chart_(std::move(chart)) {
        std::vector<double> xs, ys;
        for (ChartSeries& series : chart_.series) {
            std::erase_if(series.points, [&](const ChartPoint& p) { return !has_place(p.x, chart_.x) || !has_place(p.y, chart_.y); });
            if (series.connected) series.points = thinned(series.points);
            for (const ChartPoint& p : series.points) xs.push_back(p.x), ys.push_back(p.y);
        }
        if (chart_.level && !has_place(*chart_.level, chart_.y)) chart_.level.reset();
        if (chart_.level) ys.push_back(*chart_.level);
        if (chart_.diagonal) xs.insert(xs.end(), ys.begin(), ys.end()), ys = xs;
        for (const ChartSeries& series : chart_.series) names_.push_back(series.name);
        Markup unused;
        legend_ = names_.size() > 1 ? add_legend(unused, names_, left, drawing_width) : 0;
        x_ = axis_of(xs, chart_.x, left, drawing_width - 16);
        y_ = axis_of(ys, chart_.y, legend_ + height - 46, legend_ + 12);
    }

    Markup draw() {
        Markup out = begin_drawing(chart_.title, drawing_width, legend_ + height);
        if (legend_ > 0) add_legend(out, names_, left, drawing_width);
        add_axes(out);
        if (chart_.diagonal) add_line(out, x_.begin, y_.begin, x_.end, y_.end, "level");
        if (chart_.level) add_line(out, x_.begin, y_(*chart_.level), x_.end, y_(*chart_.level), "level");
        for (std::size_t i = 0; i < chart_.series.size(); ++i) add_series(out, chart_.series[i], i % 4);
        if (chart_.level) name_level(out);
        return out.finished();
    }

private:
    static constexpr double height = 300, left = 62;

    void add_axes(Markup& out) const {
        for (const double tick : y_.ticks) {
            add_line(out, x_.begin, y_(tick), x_.end, y_(tick), "grid");
            add_text(out, x_.begin - 7, y_(tick) + 4, tick_text(tick), "end");
        }
        double free = 0;  // where the last number below ended
        for (const double tick : x_.ticks) {
            const std::string text = tick_text(tick);
            add_line(out, x_(tick), y_.begin, x_(tick), y_.begin + 4, "axis");
            if (x_(tick) - text_width(text) / 2 < free) continue;
            add_text(out, x_(tick), y_.begin + 19, text, "middle");
            free = x_(tick) + text_width(text) / 2 + 6;
        }
        add_line(out, x_.begin, y_.begin, x_.end, y_.begin, "axis");
        add_text(out, (x_.begin + x_.end) / 2, y_.begin + 39, chart_.x_title, "middle");
        const std::string at = message("translate(14 ", place_text((y_.begin + y_.end) / 2), ") rotate(-90)");
        out.element("text", chart_.y_title, {{"transform", at}, {"class", "middle"}});
    }
    void add_series(Markup& out, const ChartSeries& series, std::size_t colour) {
        if (series.connected && series.points.size() > 1) {
            std::string path;
            for (const ChartPoint& p : series.points) path += message(path.empty() ? "" : " ", place_text(x_(p.x)), ",", place_text(y_(p.y)));
            out.empty("polyline", {{"points", path}, {"class", message("line c", colour)}});
        }
        if (series.points.size() > 60 && series.connected) return;
        for (const ChartPoint& p : series.points) {
            const double x = x_(p.x), y = y_(p.y);
            out.open("circle", {{"cx", place_text(x)},
                                {"cy", place_text(y)},
                                {"r", p.chosen ? "6" : "3.5"},
                                {"class", message(p.chosen ? "chosen fill c" : "fill c", colour)}});
            out.element("title", message(p.name, p.name.empty() ? "" : ": ", significant(p.y, 4), " at ", significant(p.x, 4))).close();
            taken_.push_back({x - 4, x + 4, y - 4, y + 4});
        }
        if (series.points.size() > 12) return;
        for (const ChartPoint& p : series.points) name_beside(out, p);
    }
    void name_level(Markup& out) {
        const double y = y_(*chart_.level), last = x_.end - text_width(chart_.level_name);
        for (const auto& [x, base] : {std::pair{last, y - 6}, {last, y + 15}, {x_.begin + 6, y - 6}, {x_.begin + 6, y + 15}})
            if (name_at(out, x, base, chart_.level_name)) return;
    }
    /// To the right, else to the left, above or below, else not at all.
    void name_beside(Markup& out, const ChartPoint& p) {
        if (p.name.empty()) return;
        const std::string name = shortened(p.name, 30, Keep::start);
        const double x = x_(p.x), y = y_(p.y), width = text_width(name);
        for (const auto& [begin, base] : {std::pair{x + 9, y - 5},
                                          {x - 9 - width, y - 5},
                                          {x + 9, y + 14},
                                          {x - 9 - width, y + 14},
                                          {x - width / 2, y - 11},
                                          {x - width / 2, y + 22}})
            if (name_at(out, begin, base, name)) return;
    }
    bool name_at(Markup& out, double begin, double base, std::string_view name) {
        const Taken wanted{begin, begin + text_width(name), base - 11, base + 3};
        if (wanted.left < x_.begin || wanted.right > drawing_width || wanted.top < y_.end - 10 || wanted.bottom > y_.begin) return false;
        if (std::ranges::any_of(taken_, [&](const Taken& other) { return other.meets(wanted); })) return false;
        taken_.push_back(wanted);
        add_text(out, begin, base, name, "name");
        return true;
    }

    LineChart chart_;
    std::vector<std::string> names_{};
    double legend_ = 0;  // units that it takes above the rest
    Axis x_, y_;
    std::vector<Taken> taken_{};
};

}  // namespace detail

/// 480 units wide. Colours are those of the page's style sheet: classes c0 to c3, grid, axis, level.
inline Markup drawing_of(LineChart chart) { return detail::LineDrawing(std::move(chart)).draw(); }

}  // namespace bitnet::inline BITNET_ABI::report
