#include <bitnet/report/live_page.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

using bitnet::report::live_page;
using bitnet::report::live_script;
using bitnet::report::live_style;

TEST_CASE("the live page loads nothing and takes no text for markup") {
    const std::string page = live_page();
    for (const char* const wrong : {"src=", "@import", "url(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("})
        CHECK_MESSAGE(page.find(wrong) == page.npos, wrong);
    std::size_t addresses = 0;  // one: the name of SVG
    for (std::size_t at = 0; (at = page.find("://", at)) != page.npos; ++at) ++addresses;
    CHECK(addresses == 1);
    CHECK(live_script.find("</") == live_script.npos);  // would end the script
    CHECK(std::ranges::count(live_style, '{') == std::ranges::count(live_style, '}'));
}

TEST_CASE("the script listens to each event that the page shows, and finds each element that it names") {
    for (const char* const event : {"run", "stage", "point", "gate", "tensor", "log", "end"})
        CHECK_MESSAGE(live_script.find(std::string("\n    ") + event + ": data => ") != live_script.npos, event);
    const std::string page = live_page();
    for (std::size_t at = 0; (at = live_script.find("byId(\"", at)) != live_script.npos;) {
        at += 6;
        const std::string name(live_script.substr(at, live_script.find('"', at) - at));
        CHECK_MESSAGE(page.find("id=\"" + name + "\"") != page.npos, name);
    }
}
