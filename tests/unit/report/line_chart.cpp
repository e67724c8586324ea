#include <bitnet/report/line_chart.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <support/markup_check.hpp>

using namespace bitnet::report;
using bitnet_test::MarkupCheck;

TEST_CASE("a chart has its lines, points, names and titles, and is well-formed") {
    const LineChart chart{.title = "a & b",
                          .x_title = "bits <",
                          .y_title = "perplexity",
                          .y = Scaling::logarithmic,
                          .series = {{"first", {{1, 10, "one", false}, {2, 20, "two", true}}}, {"second", {{1, 12}, {2, 14}}, false}},
                          .level = 9,
                          .level_name = "the original"};
    const std::string text = drawing_of(chart).text();
    const MarkupCheck check(text);
    CHECK(check.fault() == "");
    CHECK(check.count("polyline") == 1);
    CHECK(check.count("circle") == 4);
    CHECK(check.count("title") == 4);
    for (const char* words : {"one: 10.00 at 1.000", "the original", "first", "second", "bits <"})
        CHECK(check.words().find(words) != std::string::npos);
    CHECK(text.find("aria-label=\"a &amp; b\"") != std::string::npos);
    CHECK(text.find("chosen fill c0") != std::string::npos);
    CHECK(text.find("nan") == std::string::npos);
}

TEST_CASE("points without a place are left out") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const MarkupCheck check(
        drawing_of(LineChart{.y = Scaling::logarithmic, .series = {{"", {{1, nan}, {inf, 1}, {1, 0}, {1, -1}, {2, inf}, {3, 4}}}}, .level = inf})
            .text());
    CHECK(check.fault() == "");
    CHECK(check.count("circle") == 1);
    CHECK(check.count("polyline") == 0);
    CHECK(MarkupCheck(drawing_of(LineChart{.series = {{"", {}}}}).text()).fault() == "");
    CHECK(MarkupCheck(drawing_of(LineChart{}).text()).fault() == "");
}

TEST_CASE("with a diagonal both axes reach the same values") {
    const std::string text =
        drawing_of(
            LineChart{.x = Scaling::logarithmic, .y = Scaling::logarithmic, .series = {{"", {{0.1, 0.01}, {0.3, 0.02}}, false}}, .diagonal = true})
            .text();
    CHECK(MarkupCheck(text).fault() == "");
    CHECK(text.find("class=\"level\"") != std::string::npos);
    std::size_t times = 0;  // at either axis
    for (std::size_t at = text.find(">0.1<"); at != text.npos; at = text.find(">0.1<", at + 1)) ++times;
    CHECK(times == 2);
}

TEST_CASE("a long history keeps its extremes") {
    ChartSeries series;
    for (int i = 0; i < 100'000; ++i) series.points.push_back({static_cast<double>(i), i == 54321 ? 1000.0 : i == 777 ? -1000.0 : 1.0});
    const auto kept = bitnet::report::detail::thinned(series.points);
    CHECK(kept.size() == 600);
    CHECK(std::ranges::is_sorted(kept, {}, &ChartPoint::x));
    CHECK(std::ranges::max(kept, {}, &ChartPoint::y).x == 54321);
    CHECK(std::ranges::min(kept, {}, &ChartPoint::y).x == 777);
    CHECK(drawing_of(LineChart{.series = {series}}).text().size() < 20'000);
}

TEST_CASE("names of points that would cover each other are not all drawn") {
    ChartSeries series{.connected = false};
    for (int i = 0; i < 12; ++i) series.points.push_back({1 + 1e-3 * i, 1, "a rather long name of a point"});
    const std::string text = drawing_of(LineChart{.series = {series}}).text();
    std::size_t names = 0;
    for (std::size_t at = text.find("class=\"name\""); at != text.npos; at = text.find("class=\"name\"", at + 1)) ++names;
    CHECK(names >= 1);
    CHECK(names <= 8);
}
