#include <bitnet/report/heat_map.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include <support/markup_check.hpp>

using namespace bitnet::report;
using bitnet_test::MarkupCheck;

namespace {
HeatMap zeros_of(std::vector<HeatCell> cells) { return {.title = "zeros", .colour = "zeros", .cells = std::move(cells)}; }
}  // namespace

TEST_CASE("each tensor has a cell with its name and value, each layer a column") {
    const auto [drawing, left_out] = drawing_of(
        zeros_of({{"h.0.up.weight", 0.3}, {"h.0.down.weight", 0.4}, {"h.10.up.weight", 0.5}, {"h.2.up.weight", 0.35}, {"head.weight", 0.45}}));
    const std::string text = drawing.text();
    const MarkupCheck check(text);
    CHECK(check.fault() == "");
    CHECK(left_out == 0);
    CHECK(check.count("title") == 5);
    CHECK(check.words().find("h.10.up.weight: 0.500") != std::string::npos);
    CHECK(text.find(">0<") < text.find(">2<"));  // by number, not by letters, and what is in no layer last
    CHECK(text.find(">2<") < text.find(">10<"));
    CHECK(text.find(">10<") < text.find(">other<"));
}

TEST_CASE("the strongest colour is the highest value, and equal values have one colour") {
    const std::string text = drawing_of(zeros_of({{"h.0.a", 0.3}, {"h.0.b", 0.4}})).first.text();
    CHECK(text.find("fill-opacity=\"1.00\"") != std::string::npos);
    CHECK(text.find("fill-opacity=\"0.06\"") != std::string::npos);
    const std::string equal = drawing_of(zeros_of({{"h.0.a", 0.3}, {"h.0.b", 0.3}})).first.text();
    CHECK(equal.find("fill-opacity=\"0.50\"") != std::string::npos);
    CHECK(MarkupCheck(equal).count("rect") == 2);  // no scale
}

TEST_CASE("layers of two stacks do not share cells") {
    const MarkupCheck check(drawing_of(zeros_of({{"encoder.0.fc.weight", 0.3}, {"decoder.0.fc.weight", 0.4}})).first.text());
    CHECK(check.words().find("encoder fc") != std::string::npos);
    CHECK(check.words().find("decoder fc") != std::string::npos);
}

TEST_CASE("rows beyond the limit are counted, and what is no number is no cell") {
    HeatMap map = zeros_of({{"h.0.a", 0.3}, {"h.0.b", 0.4}, {"h.0.c", 0.5}, {"h.1.a", 0.6}, {"h.1.c", 0.7}});
    map.most_rows = 2;
    const auto [drawing, left_out] = drawing_of(map);
    CHECK(left_out == 2);
    CHECK(MarkupCheck(drawing.text()).count("title") == 3);
    CHECK(drawing_of(zeros_of({{"h.0.a", std::numeric_limits<double>::quiet_NaN()}})).first.is_empty());
    CHECK(drawing_of(zeros_of({})).first.is_empty());
}

TEST_CASE("values stand in cells that are wide enough") {
    std::vector<HeatCell> few, many;
    for (int i = 0; i < 300; ++i) {
        const HeatCell cell{"h." + std::to_string(i) + ".a", 0.25 + 0.001 * i};
        if (i < 3) few.push_back(cell);
        many.push_back(cell);
    }
    CHECK(drawing_of(zeros_of(few)).first.text().find(">0.25</text>") != std::string::npos);
    CHECK(drawing_of(zeros_of(many)).first.text().find(">0.25</text>") == std::string::npos);
}
