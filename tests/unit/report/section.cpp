#include <bitnet/report/section.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>

using namespace bitnet::report;

TEST_CASE("a figure has its heading, and a note where there is one") {
    const Markup drawing = Markup().empty("svg");
    CHECK(figure_of("a < b", drawing).text() == "<figure><figcaption>a &lt; b</figcaption><div class=\"drawing\"><svg/></div></figure>");
    CHECK(figure_of("a", drawing, "few").text().find("<p class=\"note\">few</p>") != std::string::npos);
}

TEST_CASE("a table is closed as it was opened, and one can reach its box by keyboard") {
    Markup out;
    open_table(out, "facts", {"key", "value"}, "facts").open("tr").element("td", "a").element("td", "b").close();
    const std::string text = close_table(out).words("").text();
    CHECK(bitnet_test::MarkupCheck(text).fault() == "");
    CHECK(text.find("tabindex=\"0\"") != std::string::npos);
    CHECK(text.ends_with("</tr></tbody></table></div>"));
}
