#include <bitnet/report/report.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <set>
#include <string>

#include <support/markup_check.hpp>
#include <support/report_record.hpp>

using bitnet::Json;
using bitnet::report_html;
using bitnet_test::MarkupCheck;

TEST_CASE("a full record has every section, in their order, and the page is well-formed") {
    const std::string page = report_html(bitnet_test::full_record());
    const MarkupCheck check(page);
    CHECK(check.fault() == "");
    CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    CHECK(page.find("<h1><bdi>stories</bdi> as a ternary model</h1>") != std::string::npos);
    CHECK(page.find("name=\"viewport\"") != std::string::npos);
    std::size_t before = 0;
    for (const char* section :
         {"verdict", "glance", "bits", "matrices", "errors", "time", "learning", "histograms", "samples", "tensors", "notes", "configuration"}) {
        const std::size_t at = page.find("<section id=\"" + std::string(section) + "\">");
        CHECK_MESSAGE(at != std::string::npos, section);
        CHECK_MESSAGE(at > before, section);
        before = at;
    }
    CHECK(check.count("script") == 0);
    CHECK(check.count("h1") == 1);
    CHECK(check.count("h2") == 12);
    CHECK(check.hollow() == std::set<std::string>{"td"});
}

TEST_CASE("a record with what must be there makes a page without empty frames") {
    const std::string page = report_html(bitnet_test::small_record());
    const MarkupCheck check(page);
    CHECK(check.fault() == "");
    CHECK(check.count("h2") == 4);
    CHECK(check.hollow() == std::set<std::string>{"td"});  // no SQNR
    CHECK(MarkupCheck(report_html(Json::object({{"compression_ratio", 0.0}, {"tensors", Json::array()}}))).fault() == "");
    CHECK_THROWS_WITH_AS(report_html(Json::object({})), "record: no key \"compression_ratio\"", bitnet::error);
    CHECK_THROWS_AS(report_html(Json(3)), bitnet::error);
}

TEST_CASE("values of kinds that nobody expects are left out") {
    Json record = bitnet_test::full_record();
    const Json whole = record;
    for (const auto& [key, value] : whole.as_object()) {
        if (key == "compression_ratio" || key == "tensors") continue;
        for (const Json& wrong : {Json(3), Json("text"), Json(nullptr), Json::array({1, "x", Json::object({{"name", 1}})}),
                                  Json::object({{"a", Json::array({Json(nullptr)})}})}) {
            record.set(key, wrong);
            CHECK(MarkupCheck(report_html(record)).fault() == "");
        }
        record.set(key, value);
    }
    record.set("tensors", Json::array({1, "x", nullptr, Json::object({{"name", 3}, {"distortion", "none"}, {"shape", "none"}})}));
    CHECK(MarkupCheck(report_html(record)).fault() == "");
}

namespace {
/// Every text of the value, keys too, with the hostile one behind it.
Json spoiled(const Json& value, const std::string& hostile, int depth = 0) {
    if (value.is_string()) return value.as_string() + hostile;
    if (value.is_array()) {
        Json out = Json::array();
        for (const Json& item : value.as_array()) out.push_back(spoiled(item, hostile, depth + 1));
        return out;
    }
    if (!value.is_object()) return value;
    Json::Object members;
    for (const auto& [key, member] : value.as_object()) members.emplace_back(key, spoiled(member, hostile, depth + 1));
    if (depth > 0) members.emplace_back(hostile, hostile);
    return Json::object(members);
}
}  // namespace

TEST_CASE("no text of the record breaks the page or becomes markup") {
    const std::size_t tags = MarkupCheck(report_html(bitnet_test::full_record())).count("td");
    for (const std::string hostile : {"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' & \" &amp; &#0;", "\xff\xc0\x80\xed\xa0\x80",
                                      "]]>--><!--", "</title></style></svg>", "\x01\x02\n\t", "\xe2\x80\xae"}) {
        const std::string page = report_html(spoiled(bitnet_test::full_record(), hostile));
        const MarkupCheck check(page);
        CHECK_MESSAGE(check.fault() == "", hostile);
        CHECK(check.count("script") == 0);
        CHECK(check.count("img") == 0);
        CHECK(check.count("td") >= tags);
    }
    const std::string shown = MarkupCheck(report_html(spoiled(bitnet_test::full_record(), "<script>"))).words();
    CHECK(shown.find("model.embed_tokens.weight<script>") != std::string::npos);
}

TEST_CASE("ten thousand tensors make a page of a few megabytes at once") {
    const Json record = bitnet_test::large_record(1429);
    const auto begin = std::chrono::steady_clock::now();
    const std::string page = report_html(record);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    CHECK(page.size() < 6'000'000);
    CHECK(taken.count() < 5);  // 0.1 where nothing else runs and the compiler optimizes
    MESSAGE("10,003 tensors: ", page.size(), " bytes in ", taken.count(), " s");
    const MarkupCheck check(page);
    CHECK(check.fault() == "");
    CHECK(check.count("tr") == 10'004);
}
