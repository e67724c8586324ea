#include <bitnet/metrics/jsonl_sink.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::Json;
using bitnet::JsonlSink;

namespace {

constexpr double jsonl_nan = std::numeric_limits<double>::quiet_NaN();
constexpr double jsonl_inf = std::numeric_limits<double>::infinity();

std::vector<Json> lines_of(const std::filesystem::path& path) {
    std::istringstream file(bitnet_test::read_text(path));
    std::vector<Json> out;
    for (std::string line; std::getline(file, line);) out.push_back(bitnet::parse_json(line, "line"));
    return out;
}

}  // namespace

static_assert(bitnet::MetricSink<JsonlSink>);

TEST_CASE("a run is lines of JSON") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "metrics.jsonl";
    JsonlSink sink(path);
    sink.begin({.id = "a1b2c3d4",
                .project = "stories",
                .start_time = 1700000000.25,
                .config = Json::object({{"rate", 0.01}, {"deep", Json::object({{"list", Json::array({1, jsonl_nan})}})}})});
    sink.point({.name = "train/loss", .step = 7, .value = 0.5, .wall_time = 1700000001.5});
    sink.point({.name = "train/loss", .step = 8, .value = jsonl_nan, .wall_time = 1700000002});
    sink.point({.name = "train/loss", .step = 9, .value = jsonl_inf, .wall_time = 1700000002});
    sink.point({.name = "train/loss", .step = 10, .value = -jsonl_inf, .wall_time = 1700000002});
    sink.text({.name = "report", .step = 10, .text = "**good**\n\"é\"", .wall_time = 1700000003.5});
    sink.end({.exit_code = 1, .wall_time = 1700000004.5, .summary = {{"train/loss", -jsonl_inf}, {"method", "BitNet"}}});
    CHECK(bitnet_test::read_text(path) ==
          R"({"record":"run","id":"a1b2c3d4","project":"stories","start_time":1700000000.25,)"
          R"("config":{"rate":0.01,"deep":{"list":[1,"nan"]}}})"
          "\n"
          R"({"record":"point","name":"train/loss","step":7,"value":0.5,"wall_time":1700000001.5})"
          "\n"
          R"({"record":"point","name":"train/loss","step":8,"value":null,"text":"nan","wall_time":1700000002.0})"
          "\n"
          R"({"record":"point","name":"train/loss","step":9,"value":null,"text":"inf","wall_time":1700000002.0})"
          "\n"
          R"({"record":"point","name":"train/loss","step":10,"value":null,"text":"-inf","wall_time":1700000002.0})"
          "\n"
          R"({"record":"text","name":"report","step":10,"text":"**good**\n\"é\"","wall_time":1700000003.5})"
          "\n"
          R"({"record":"end","exit_code":1,"wall_time":1700000004.5,"summary":{"train/loss":"-inf","method":"BitNet"}})"
          "\n");
}

TEST_CASE("a line is in the file when the call returns") {
    const bitnet_test::TempDir directory;
    JsonlSink sink(directory / "m");
    sink.begin({});
    for (std::size_t i = 0; i < 5; ++i) {
        sink.point({.name = "x", .step = static_cast<int>(i)});
        CHECK(lines_of(directory / "m").size() == i + 2);
    }
}

TEST_CASE("a file goes on with the next run, behind a line that was left unfinished") {
    const bitnet_test::TempDir directory;
    const auto path = directory / "m";
    bitnet_test::write_text(path, "{\"record\":\"po");
    JsonlSink sink(path);
    for (const char* id : {"one", "two"}) {
        sink.begin({.id = id});
        sink.end({});
    }
    const std::string text = bitnet_test::read_text(path);
    CHECK(text.starts_with("{\"record\":\"po\n{\"record\":\"run\",\"id\":\"one\""));
    bitnet_test::write_text(path, text.substr(text.find('\n') + 1));
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 4);
    CHECK(lines[2].at("id").as_string() == "two");
}

TEST_CASE("any finite number reads back equal, and any other is a line of JSON too") {
    constexpr unsigned seed = 12;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    const bitnet_test::TempDir directory;
    JsonlSink sink(directory / "m");
    sink.begin({});
    std::vector<double> values;
    for (int i = 0; i < 1000; ++i) {
        values.push_back(std::bit_cast<double>(random() | (i % 10 == 0 ? 0x7ff0'0000'0000'0000u : 0)));
        sink.point({.name = "x", .step = i, .value = values.back()});
    }
    const auto lines = lines_of(directory / "m");
    REQUIRE(lines.size() == values.size() + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Json& value = lines[i + 1].at("value");
        CHECK(value.is_null() == !bitnet::is_finite(values[i]));
        if (!value.is_null()) CHECK(value.as_double() == values[i]);
    }
}

TEST_CASE("records outside of a run and those that cannot be said are refused, and the file stays as it is") {
    const bitnet_test::TempDir directory;
    JsonlSink sink(directory / "m");
    CHECK_THROWS_WITH_AS(sink.point({.name = "x"}), "a record outside of a run: begin() comes first, end() last",
                         bitnet::error);
    sink.begin({});
    const std::string before = bitnet_test::read_text(directory / "m");
    CHECK_THROWS_WITH_AS(sink.point({.name = "x", .step = -3}), "x: step = -3 is below 0", bitnet::error);
    CHECK_THROWS_AS(sink.text({.name = "x", .text = "\xff"}), bitnet::error);
    CHECK_THROWS_AS(sink.end({.summary = {{"x", "\xff"}}}), bitnet::error);
    CHECK(bitnet_test::read_text(directory / "m") == before);
    sink.end({});
    CHECK_THROWS_AS(sink.text({.name = "x"}), bitnet::error);
}
