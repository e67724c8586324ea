#include <bitnet/report/style_sheet.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

using bitnet::report::style_sheet;

TEST_CASE("the style sheet means the same in HTML and in XML, and loads nothing") {
    for (const std::string_view wrong : {"<", "&", "url(", "@import", "http"}) CHECK(style_sheet.find(wrong) == style_sheet.npos);
    CHECK(std::ranges::count(style_sheet, '{') == std::ranges::count(style_sheet, '}'));
    for (const std::string_view mode : {"prefers-color-scheme:dark", "@media print", "max-width:44rem"})
        CHECK(style_sheet.find(mode) != style_sheet.npos);
}
