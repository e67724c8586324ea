// Perplexity against bits a weight, as an SVG that needs nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bench {

struct Point {
    std::string name, aim;
    double bits = 0, ratio = 1;
};

namespace detail {

inline std::string number(double value, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

/// Where values of one axis lie on the page.
struct Axis {
    double low, high, begin, end;
    double operator()(double value) const { return begin + (value - low) / (high - low) * (end - begin); }
};

}  // namespace detail

/// Bits from left to right, the ratio upwards on a logarithmic scale; a point's name is shown where it is pointed at, and beside
/// those that no other point beats in both.
inline std::string chart_of(std::vector<Point> points) {
    using bitnet::message;
    using detail::number;
    if (points.empty()) return "<svg xmlns='http://www.w3.org/2000/svg'/>\n";
    constexpr double width = 820, height = 460;
    double most = 1, bits = 0, few = 100;
    for (const Point& point : points) {
        most = std::max(most, point.ratio);
        bits = std::max(bits, point.bits);
        few = std::min(few, point.bits);
    }
    const detail::Axis x{std::floor(few * 4) / 4, std::ceil(bits * 4) / 4 + 0.5, 60, width - 20}, y{std::log(0.85), std::log(most) * 1.05, height - 40, 20};
    std::string out = message("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ", width, " ", height, "' font-family='sans-serif' font-size='12'>\n",
                              "<style>text{fill:#333}.l{stroke:#ccc}.p{fill:#888}.b{fill:#06c}@media(prefers-color-scheme:dark){text{fill:#ddd}.l{stroke:#555}}</style>\n");
    for (const double ratio : {1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0}) {
        if (std::log(ratio) > y.high) break;
        const std::string at = number(y(std::log(ratio)), 1);
        out += message("<line class='l' x1='60' x2='", width - 20, "' y1='", at, "' y2='", at, "'/><text x='54' y='", at, "' text-anchor='end' dy='4'>",
                       number(ratio, ratio < 2 ? 2 : 0), "</text>\n");
    }
    for (double b = x.low; b <= x.high; b += 0.25)
        out += message("<text x='", number(x(b), 1), "' y='", height - 22, "' text-anchor='middle'>", number(b, 2), "</text>\n");
    out += message("<text x='", width / 2, "' y='", height - 5, "' text-anchor='middle'>bits a weight on disk</text>\n",
                   "<text x='14' y='", height / 2, "' text-anchor='middle' transform='rotate(-90 14 ", height / 2, ")'>times the original's perplexity</text>\n");
    for (const Point& point : points) {
        const bool best = std::ranges::none_of(points, [&](const Point& other) { return other.bits <= point.bits && other.ratio < point.ratio; });
        const std::string cx = number(x(point.bits), 1), cy = number(y(std::log(point.ratio)), 1);
        out += message("<circle class='", best ? "b" : "p", "' cx='", cx, "' cy='", cy, "' r='", best ? 5 : 3, "'><title>", point.name, ", ", point.aim, ": ",
                       number(point.ratio, 3), " at ", number(point.bits, 2), "</title></circle>\n");
        const bool far = x(point.bits) > width / 2;  // to the right: its name stands on the left
        if (best) out += message("<text x='", cx, "' y='", cy, "' dx='", far ? -8 : 8, "' dy='15' text-anchor='", far ? "end" : "start", "'>", point.name, " ", number(point.ratio, 2), "</text>\n");
    }
    return out + "</svg>\n";
}

}  // namespace bench
