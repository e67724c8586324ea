#include <bitnet/metrics/tensorboard_sink.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <support/metric_files.hpp>
#include <support/temp_dir.hpp>

using bitnet::Json;
using bitnet::TensorBoardSink;
using bitnet_test::from_hex;
using bitnet_test::ProtobufFields;

namespace {

std::vector<ProtobufFields> events_of(const std::vector<std::string>& records) {
    std::vector<ProtobufFields> out;
    for (const std::string& record : records) out.emplace_back(record);
    return out;
}
std::vector<std::string> records_of(const TensorBoardSink& sink) {
    return bitnet_test::read_tfrecords(bitnet_test::read_text(sink.path()));
}
/// Event.summary.value
ProtobufFields value_of(const ProtobufFields& event) { return event.in(5).in(1); }

}  // namespace

static_assert(bitnet::MetricSink<TensorBoardSink>);

TEST_CASE("version and scalar have the bytes that TensorBoard's own writer gives them") {
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory / "logs/run");
    sink.begin({.start_time = 1700000000});
    const std::string version =
        from_hex("1800000000000000 a37f4b22 0900000040fc54d941 1a0d 627261696e2e4576656e743a32 eced8f9d");
    const std::string before = bitnet_test::read_text(sink.path());
    CHECK(before.starts_with(version));
    sink.point({.name = "loss", .step = 7, .value = 0.5, .wall_time = 1700000001.5});
    CHECK(bitnet_test::read_text(sink.path()).substr(before.size()) ==
          from_hex("1a00000000000000 129bd82d 0900006040fc54d941 1007 2a0d 0a0b 0a046c6f7373 150000003f 8fa1e391"));
}

TEST_CASE("a file is named for its time, machine and process, and no two are the same") {
    const bitnet_test::TempDir directory;
    TensorBoardSink first(directory.path()), second(directory.path());
    first.begin({.start_time = 1700000000.9});
    second.begin({.start_time = 1700000000.9});
    const std::string name = first.path().filename().string();
    const std::string end = bitnet::message(".", ::getpid(), ".0");
    CHECK(name.starts_with("events.out.tfevents.1700000000."));
    CHECK(name.ends_with(end));
    CHECK(name.size() > 31 + end.size());
    CHECK(second.path().filename().string() == name.substr(0, name.size() - 1) + "1");
    TensorBoardSink old(directory.path());
    old.begin({});
    CHECK(old.path().filename().string().starts_with("events.out.tfevents.0000000000."));
}

TEST_CASE("scalars are 32 bits, zero and what is not finite among them") {
    constexpr float inf = std::numeric_limits<float>::infinity();
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory.path());
    sink.begin({});
    const std::map<double, float> expected{{0.0, 0.0f},   {0.1, 0.1f},  {-2.5, -2.5f},
                                           {1e300, inf},  {-1e300, -inf}, {std::numeric_limits<double>::infinity(), inf},
                                           {1e-300, 0.0f}};
    for (const auto& [value, wanted] : expected) sink.point({.name = "x", .value = value});
    sink.point({.name = "x", .value = std::numeric_limits<double>::quiet_NaN()});
    const auto records = records_of(sink);
    const auto events = events_of(records);
    REQUIRE(events.size() == expected.size() + 3);
    std::size_t i = 2;
    for (const auto& [value, wanted] : expected) {
        CHECK(value_of(events[i]).at(2).wire == 5);
        CHECK(value_of(events[i++]).at(2).as_float() == wanted);
    }
    CHECK(std::isnan(value_of(events[i]).at(2).as_float()));
}

TEST_CASE("a text is a tensor of one string for the text plugin") {
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory.path());
    sink.begin({});
    const std::string words = "| a | b |\n|---|---|\n" + std::string(100'000, 'x') + "é";
    sink.text({.name = "report", .step = 3, .text = words, .wall_time = 12.5});
    const auto records = records_of(sink);
    const ProtobufFields event(records.back());
    CHECK(event.at(1).as_double() == 12.5);
    CHECK(event.at(2).integer == 3);
    const ProtobufFields value = value_of(event);
    CHECK(value.text(1) == "report");
    CHECK(value.in(9).in(1).text(1) == "text");
    CHECK(value.in(9).at(4).integer == 2);
    CHECK(value.in(8).at(1).integer == 7);
    CHECK(value.in(8).in(2).size() == 0);
    CHECK(value.in(8).text(8) == words);
}

TEST_CASE("the configuration is hyper-parameters with flat keys, and the end says how it went") {
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory.path());
    sink.begin({.start_time = 1000.5,
                .config = Json::object({{"rate", 0.25},
                                        {"steps", 400},
                                        {"zero", 0},
                                        {"model", Json::object({{"name", "stories"},
                                                                {"tied", true},
                                                                {"more", Json::object()}})},
                                        {"off", false},
                                        {"layers", Json::array({1, std::numeric_limits<double>::infinity()})},
                                        {"none", nullptr}})});
    sink.end({.exit_code = 2, .wall_time = 1009.5});
    const auto records = records_of(sink);
    const auto events = events_of(records);
    REQUIRE(events.size() == 3);
    CHECK(events[0].text(3) == "brain.Event:2");

    const ProtobufFields value = value_of(events[1]);
    CHECK(value.text(1) == "_hparams_/session_start_info");
    CHECK(value.in(9).in(1).text(1) == "hparams");
    CHECK(value.in(8).at(1).integer == 1);
    CHECK(value.in(8).text(2) == from_hex("1200"));  // shape [0]
    const ProtobufFields content = value.in(9).in(1).in(2);
    CHECK(content.size() == 1);
    const ProtobufFields start = content.in(3);
    CHECK(start.at(5).as_double() == 1000.5);
    std::map<std::string, ProtobufFields> held;
    for (const auto& field : start)
        if (field.number == 1) held.emplace(ProtobufFields(field.bytes).text(1), ProtobufFields(field.bytes).in(2));
    CHECK(held.size() == 9);
    CHECK(held.at("rate").at(2).as_double() == 0.25);
    CHECK(held.at("steps").at(2).as_double() == 400);
    CHECK(held.at("zero").at(2).as_double() == 0);
    CHECK(held.at("model.name").text(3) == "stories");
    CHECK(held.at("model.tied").at(4).integer == 1);
    CHECK(held.at("model.more").text(3) == "{}");
    CHECK(held.at("off").at(4).integer == 0);
    CHECK(held.at("layers").text(3) == "[1,\"inf\"]");
    CHECK(held.at("none").at(1).integer == 0);

    const ProtobufFields ended = value_of(events[2]);
    CHECK(ended.text(1) == "_hparams_/session_end_info");
    CHECK(ended.in(9).in(1).in(2).in(4).at(1).integer == 2);
    CHECK(ended.in(9).in(1).in(2).in(4).at(2).as_double() == 1009.5);
}

TEST_CASE("any points read back as they were") {
    constexpr unsigned seed = 9;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory.path());
    sink.begin({});
    std::vector<bitnet::MetricPoint> points;
    for (int i = 0; i < 500; ++i) {
        points.push_back({.name = "group" + std::to_string(random() % 3) + "/" + std::string(random() % 300, 'n'),
                          .step = static_cast<std::int64_t>(random() >> (1 + random() % 63)),
                          .value = static_cast<double>(std::ldexp(static_cast<float>(random() % 1000), -3)),
                          .wall_time = static_cast<double>(random() % 10'000'000'000) / 2});
        sink.point(points.back());
    }
    const auto records = records_of(sink);
    REQUIRE(records.size() == points.size() + 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
        const ProtobufFields event(records[i + 2]);
        CHECK(event.at(1).as_double() == points[i].wall_time);
        CHECK((event.find(2) != nullptr ? event.at(2).integer : 0) == static_cast<std::uint64_t>(points[i].step));
        CHECK(value_of(event).text(1) == points[i].name);
        CHECK(static_cast<double>(value_of(event).at(2).as_float()) == points[i].value);
    }
}

TEST_CASE("records outside of a run and those that cannot be said are refused before anything is written") {
    const bitnet_test::TempDir directory;
    TensorBoardSink sink(directory / "logs");
    CHECK_THROWS_AS(sink.point({.name = "x"}), bitnet::error);
    CHECK_THROWS_AS(sink.begin({.config = Json::object({{"x", "\xff"}})}), bitnet::error);
    CHECK_THROWS_AS(sink.begin({.config = Json::object({{"\xff", 1}})}), bitnet::error);
    CHECK(!std::filesystem::exists(directory / "logs"));
    sink.begin({});
    CHECK_THROWS_AS(sink.text({.name = "x", .text = "\xff"}), bitnet::error);
    CHECK(records_of(sink).size() == 2);
    sink.end({});
    CHECK_THROWS_AS(sink.end({}), bitnet::error);
}
