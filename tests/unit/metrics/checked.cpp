#include <bitnet/metrics/checked.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

using bitnet::check_record;
using bitnet::errc;
using bitnet::Json;
using bitnet::MetricEnd;
using bitnet::MetricPoint;
using bitnet::MetricRun;
using bitnet::MetricText;

namespace {

constexpr double checked_nan = std::numeric_limits<double>::quiet_NaN();
constexpr double checked_inf = std::numeric_limits<double>::infinity();

template <class Record>
std::string record_refusal(const Record& record) {
    try {
        check_record(record);
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::bad_value);
        return problem.what();
    }
    return "accepted";
}

}  // namespace

static_assert(bitnet::not_finite_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
static_assert(bitnet::not_finite_text(-std::numeric_limits<double>::quiet_NaN()) == "nan");
static_assert(bitnet::not_finite_text(std::numeric_limits<double>::infinity()) == "inf");
static_assert(bitnet::not_finite_text(-std::numeric_limits<double>::infinity()) == "-inf");

TEST_CASE("any value of a metric is accepted, and empty texts and runs are") {
    CHECK(record_refusal(MetricRun{}) == "accepted");
    CHECK(record_refusal(MetricEnd{}) == "accepted");
    CHECK(record_refusal(MetricPoint{.name = "x", .value = checked_nan}) == "accepted");
    const MetricPoint odd{.name = "a/b é", .step = 1ll << 62, .value = -checked_inf, .wall_time = 9999999999.9};
    CHECK(record_refusal(odd) == "accepted");
    CHECK(record_refusal(MetricText{.name = "x"}) == "accepted");
    CHECK(record_refusal(MetricEnd{.exit_code = -1, .summary = {{"x", checked_nan}, {"y", "text"}}}) == "accepted");
}

TEST_CASE("what no sink can say is refused by name") {
    CHECK(record_refusal(MetricPoint{}) == "a metric without a name");
    CHECK(record_refusal(MetricText{}) == "a metric without a name");
    CHECK(record_refusal(MetricPoint{.name = "loss", .step = -1}) == "loss: step = -1 is below 0");
    CHECK(record_refusal(MetricPoint{.name = "\xff"}).starts_with("name of a metric: must be UTF-8, found"));
    CHECK(record_refusal(MetricText{.name = "report", .text = "\xc3"}).starts_with("report: must be UTF-8, found"));
    CHECK(record_refusal(MetricPoint{.name = "loss", .wall_time = checked_nan}) ==
          "loss: a time of nan s since 1970 is outside [0, 1e10)");
    CHECK(record_refusal(MetricPoint{.name = "loss", .wall_time = -1}).starts_with("loss: a time of -1 s"));
    CHECK(record_refusal(MetricRun{.start_time = 1e10}).starts_with("start of a run: a time of 1e+10 s"));
    CHECK(record_refusal(MetricRun{.id = "\xff"}).starts_with("id of a run: must be UTF-8"));
    CHECK(record_refusal(MetricRun{.project = "\xff"}).starts_with("project of a run: must be UTF-8"));
    CHECK(record_refusal(MetricRun{.config = 3}) == "configuration of a run: expected an object, found 3");
    CHECK(record_refusal(MetricEnd{.wall_time = checked_inf}).starts_with("end of a run: a time of inf s"));
    CHECK(record_refusal(MetricEnd{.summary = {{"", 1}}}) == "a metric without a name");
    CHECK(record_refusal(MetricEnd{.summary = {{"a", 1}, {"b", 2}, {"a", 3}}}) ==
          "summary of a run: repeated name \"a\"");
}

TEST_CASE("numbers that JSON has no word for become texts, however deep") {
    const Json value = Json::object({{"a", Json::array({1, checked_nan, Json::object({{"b", -checked_inf}})})},
                                     {"c", checked_inf},
                                     {"d", 0.5},
                                     {"e", nullptr}});
    CHECK(bitnet::to_text(bitnet::finite_json(value), -1) ==
          R"({"a":[1,"nan",{"b":"-inf"}],"c":"inf","d":0.5,"e":null})");
}
