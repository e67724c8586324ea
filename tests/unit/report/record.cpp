#include <bitnet/report/record.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>

#include <support/report_record.hpp>

using namespace bitnet::report;
using bitnet::Json;

TEST_CASE("what is missing, or of another kind, is nothing") {
    const Json record =
        Json::object({{"a", Json::object({{"b", 2.5}, {"c", "text"}, {"d", true}})}, {"e", Json::array({1, 2.5})}, {"f", Json::array({1, "x"})}});
    CHECK(find_number(record, {"a", "b"}) == 2.5);
    CHECK(!find_number(record, {"a", "c"}));
    CHECK(!find_number(record, {"a", "x"}));
    CHECK(!find_number(record, {"e", "b"}));
    CHECK(!find_number(Json(3), {"a"}));
    CHECK(find_text(record, {"a", "c"}) == "text");
    CHECK(find_text(record, {"a", "b"}).empty());
    CHECK(find_flag(record, {"a", "d"}) == true);
    CHECK(!find_flag(record, {"a", "b"}));
    CHECK(find_items(record, {"e"}).size() == 2);
    CHECK(find_items(record, {"a"}).empty());
    CHECK(find_numbers(record, {"e"}) == std::vector<double>{1, 2.5});
    CHECK(find_numbers(record, {"f"}).empty());
    CHECK(find_value(record, {}) == &record);
}

TEST_CASE("perplexity after is that of what was delivered") {
    Json record = bitnet_test::full_record();
    CHECK(perplexity_before(record) == 16.0);
    CHECK(perplexity_after(record) == 18.0);
    record.find("fine_tuning")->set("fine_tuned", false);
    CHECK(perplexity_after(record) == 20.0);
    CHECK(!perplexity_after(bitnet_test::small_record()));
}

TEST_CASE("any value is a line") {
    CHECK(value_text(nullptr) == "none");
    CHECK(value_text(true) == "yes");
    CHECK(value_text(-3) == "-3");
    CHECK(value_text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(value_text(0.1) == "0.1");
    CHECK(value_text(std::numeric_limits<double>::infinity()) == "infinite");
    CHECK(value_text(Json::array({1, "a"})) == "1, a");
    CHECK(value_text(Json::object({{"a", 1}, {"b", Json::array({2, 3})}})) == "a: 1, b: 2, 3");
}
