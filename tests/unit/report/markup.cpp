#include <bitnet/report/markup.hpp>

#include <doctest/doctest.h>

#include <string>

#include <support/markup_check.hpp>

using namespace bitnet::report;
using bitnet_test::MarkupCheck;

TEST_CASE("what could be markup is escaped, in elements and in attributes") {
    CHECK(escaped("a < b & c > \"d\" 'e'") == "a &lt; b &amp; c &gt; &quot;d&quot; &#39;e&#39;");
    CHECK(escaped("&lt;") == "&amp;lt;");
    const std::string text = Markup().element("p", "<script>", {{"title", "\"><script>"}}).text();
    CHECK(text == "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;</p>");
    CHECK(MarkupCheck(text).fault().empty());
}

TEST_CASE("bytes that are not UTF-8 and characters that XML does not know are replaced, one by one") {
    CHECK(escaped("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\t\n\r") == "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\t\n\r");
    for (const std::string wrong : {"\x80", "\xff", "\xc3", "\x01", "\x1b"})
        CHECK(escaped("a" + wrong + "b") ==
              "a\xef\xbf\xbd"
              "b");
    CHECK(escaped(std::string_view("\0", 1)) == "\xef\xbf\xbd");
    const auto replaced = [](std::string_view text) { return escaped(text).size() == 3 * text.size(); };
    CHECK(replaced("\xc0\xaf"));          // "/" in two bytes
    CHECK(replaced("\xe0\x80\xaf"));      // in three
    CHECK(replaced("\xed\xa0\x80"));      // half of a surrogate pair
    CHECK(replaced("\xef\xbf\xbf"));      // U+FFFF
    CHECK(replaced("\xf4\x90\x80\x80"));  // beyond U+10FFFF
    CHECK(replaced("\xf0\x9f\x99"));      // cut short
}

TEST_CASE("a name that is too long loses its begin or its end, and no half of a character") {
    CHECK(shortened("abc", 3, Keep::end) == "abc");
    CHECK(shortened("abcd", 3, Keep::end) == "...bcd");
    CHECK(shortened("abcd", 3, Keep::start) == "abc...");
    CHECK(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 3, Keep::end) == "\xc3\xa4\xc3\xb6\xc3\xbc");
    CHECK(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 2, Keep::end) == "...\xc3\xb6\xc3\xbc");
    CHECK(shortened("\xc3\xa4\xc3\xb6\xc3\xbc", 2, Keep::start) == "\xc3\xa4\xc3\xb6...");
    CHECK(shortened("", 3, Keep::end).empty());
    CHECK(shortened("\x80\x80\x80\x80", 2, Keep::end) == "\x80\x80\x80\x80");  // no character begins here
}

TEST_CASE("what is opened is closed, and attributes without a value are left out") {
    Markup page;
    page.open("a", {{"class", ""}, {"id", "x"}}).open("b").empty("br");
    CHECK(page.text() == "<a id=\"x\"><b><br/></b></a>");
    CHECK(page.close().close().close().text() == page.text());
    CHECK(Markup().add(page).verbatim("\n").text() == page.text() + "\n");
    CHECK(Markup().is_empty());
    CHECK(Markup().open("p").finished().words("x").text() == "<p></p>x");
}

TEST_CASE("the check of markup notices each kind of fault") {
    CHECK(MarkupCheck("<!DOCTYPE html>\n<a b=\"1\">x &amp; y<br/></a>\n").fault().empty());
    CHECK(MarkupCheck("<a>x &amp; y</a>").words() == "x & y");
    for (const char* wrong : {"", "<a>", "</a>", "<a><b></a></b>", "<a/><a/>", "x", "<a>&nbsp;</a>", "<a>&</a>", "<a b>", "<a b=\"1\" b=\"2\"/>",
                              "<a b=\"<\"/>", "<a b=\"1/>", "<a b=1/>", "< a/>", "<a>\x01</a>", "<a"})
        CHECK_MESSAGE(!MarkupCheck(wrong).fault().empty(), wrong);
}
