#include <bitnet/report/bar_chart.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <support/markup_check.hpp>

using namespace bitnet::report;
using bitnet_test::MarkupCheck;

namespace {
const BarChart two_series{
    .title = "errors", .x_title = "layer", .y_title = "seconds", .series = {"plain", "fitted"}, .bars = {{"q <b>", {0.2, 0.1}}, {"k", {0.4, 0.05}}}};
}

TEST_CASE("bars have a name, a value and a hover text each") {
    for (const std::string& text : {lying_bars(two_series).text(), upright_bars(two_series).text()}) {
        const MarkupCheck check(text);
        CHECK(check.fault() == "");
        CHECK(check.count("title") == 4);
        CHECK(check.words().find("q <b>, fitted: 0.100") != std::string::npos);
        CHECK(check.words().find("plain") != std::string::npos);
    }
}

TEST_CASE("the longest bar takes the room, unless another length is said to be full") {
    BarChart one{.series = {""}, .bars = {{"a", {1}}, {"b", {2}}}};
    const std::string alone = lying_bars(one).text();
    one.full = 4;
    CHECK(lying_bars(one).text() != alone);
    one.full = 2;
    CHECK(lying_bars(one).text() == alone);
    CHECK(MarkupCheck(alone).count("rect") == 2);  // no legend of a series without a name
}

TEST_CASE("what is no length has no bar") {
    const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (const std::vector<Bar>& bars : {std::vector<Bar>{{"a", {nan, inf, -1, 0}}}, std::vector<Bar>{}, std::vector<Bar>{{"a", {}}}}) {
        const BarChart chart{.series = {"s"}, .bars = bars};
        for (const std::string& text : {lying_bars(chart).text(), upright_bars(chart).text()}) {
            CHECK(MarkupCheck(text).fault() == "");
            CHECK(text.find("=\"nan") == std::string::npos);
        }
        CHECK(MarkupCheck(upright_bars(chart).text()).count("rect") == 1);  // the legend
    }
}

TEST_CASE("of many columns some are named") {
    BarChart many{.series = {""}};
    for (int i = 0; i < 200; ++i) many.bars.push_back({std::to_string(i), {1.0 + i}});
    const MarkupCheck check(upright_bars(many).text());
    CHECK(check.fault() == "");
    CHECK(check.count("rect") == 200);
    CHECK(check.count("text") < 60);
}

TEST_CASE("a histogram needs rising edges and counts that fit them") {
    const Histograms good{.title = "w", .edges = {-1, 0, 1}, .before = {1, 3}, .after = {0.5, 0.5}};
    CHECK(is_drawable(good));
    const MarkupCheck check(drawing_of(good).text());
    CHECK(check.fault() == "");
    CHECK(check.count("path") == 2);
    CHECK(check.words().find("before, at most 75.0\u00a0% in a bar") != std::string::npos);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<Histograms> wrong{{},
                                        {"", {0}, {}, {}},
                                        {"", {0, 1}, {1, 2}, {1, 2}},
                                        {"", {0, 0, 1}, {1, 2}, {1, 2}},
                                        {"", {0, 1, 2}, {1, 2}, {1}},
                                        {"", {0, 1, 2}, {0, 0}, {1, 2}},
                                        {"", {0, 1, 2}, {1, -2}, {1, 2}},
                                        {"", {0, 1, nan}, {1, 2}, {1, 2}},
                                        {"", {0, 1, 2}, {1, nan}, {1, 2}}};
    for (const Histograms& one : wrong) CHECK(!is_drawable(one));
}
