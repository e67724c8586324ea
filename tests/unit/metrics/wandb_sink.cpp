#include <bitnet/metrics/wandb_sink.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <support/metric_files.hpp>
#include <support/temp_dir.hpp>

using bitnet::errc;
using bitnet::Json;
using bitnet::WandbSink;
using bitnet_test::from_hex;
using bitnet_test::ProtobufFields;

namespace {

std::filesystem::path log_path(const WandbSink& sink, const std::string& id) {
    return sink.path() / ("run-" + id + ".wandb");
}

/// The records of a run, each with the number that it must have.
std::vector<std::string> wandb_records(const WandbSink& sink, const std::string& id = "a1b2c3d4") {
    auto out = bitnet_test::read_wandb_log(bitnet_test::read_text(log_path(sink, id)));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const ProtobufFields record(out[i]);
        CHECK(record.size() == 2);
        CHECK(record.at(1).integer == i + 1);
    }
    return out;
}

/// Items by key, "a/b" of a nested one: JSON.
std::map<std::string, std::string> items_of(const ProtobufFields& message) {
    std::map<std::string, std::string> out;
    for (const auto& field : message) {
        if (field.number != 1) continue;
        const ProtobufFields item(field.bytes);
        std::string key;
        if (item.find(1) != nullptr) {
            key = item.text(1);
        } else {
            for (const auto& part : item)
                if (part.number == 2) (key += key.empty() ? "" : "/") += part.bytes;
        }
        CHECK(out.emplace(key, item.text(16)).second);
    }
    return out;
}

std::string refusal_to_begin(const bitnet::MetricRun& run) {
    const bitnet_test::TempDir directory;
    WandbSink sink(directory / "wandb");
    try {
        sink.begin(run);
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::bad_value);
        CHECK(!std::filesystem::exists(directory / "wandb"));
        return problem.what();
    }
    return "accepted";
}

/// Makes UTC the local time.
class Utc {
public:
    Utc() {
        if (const char* zone = std::getenv("TZ")) old_ = zone, had_ = true;
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
    Utc(const Utc&) = delete;
    Utc& operator=(const Utc&) = delete;
    ~Utc() {
        ::unsetenv("TZ");
        if (had_) ::setenv("TZ", old_.c_str(), 1);
        ::tzset();
    }

private:
    std::string old_;
    bool had_ = false;
};

}  // namespace

static_assert(bitnet::MetricSink<WandbSink>);

TEST_CASE("a run's directory is called by local time and id, and its file begins as W&B's own") {
    const Utc utc;
    const bitnet_test::TempDir directory;
    WandbSink sink(directory / "x/wandb");
    sink.begin({.id = "a1b2c3d4",
                .project = "stories",
                .start_time = 1700000000.25,
                .config = Json::object({{"rate", 0.5}})});
    CHECK(sink.path() == directory / "x/wandb/offline-run-20231114_221320-a1b2c3d4");
    CHECK(std::filesystem::is_directory(sink.path() / "files"));
    CHECK(std::filesystem::is_directory(sink.path() / "logs"));
    CHECK(bitnet_test::read_text(log_path(sink, "a1b2c3d4"))
              .starts_with(from_hex("3a572642e1be00 | c6440298 1700 01 | 0801aa01120a100a066269746e65741206302e37302e30")));
    const auto records = wandb_records(sink);
    REQUIRE(records.size() == 2);
    const ProtobufFields run = ProtobufFields(records[1]).in(17);
    CHECK(run.text(1) == "a1b2c3d4");
    CHECK(run.text(3) == "stories");
    CHECK(items_of(run.in(4)) == std::map<std::string, std::string>{{"rate", "0.5"}});
    CHECK(run.in(17).at(1).integer == 1700000000);
    CHECK(run.in(17).at(2).integer == 250'000'000);
}

TEST_CASE("points and texts are history, whose step rises whatever theirs do") {
    const bitnet_test::TempDir directory;
    WandbSink sink(directory.path());
    sink.begin({.id = "a1b2c3d4", .start_time = 1000});
    sink.point({.name = "train/loss", .step = 5, .value = 0.5, .wall_time = 1001.5});
    sink.point({.name = "train/rate", .step = 5, .value = std::numeric_limits<double>::quiet_NaN(), .wall_time = 1001.5});
    sink.point({.name = "train/loss", .step = 2, .value = -std::numeric_limits<double>::infinity(), .wall_time = 999});
    sink.text({.name = "report", .step = 2, .text = "**é** \"x\"", .wall_time = 1002});
    const auto records = wandb_records(sink);
    REQUIRE(records.size() == 2 + 4 + 3);  // each name is defined once
    CHECK(!ProtobufFields(records[1]).in(17).find(3));

    const ProtobufFields defined = ProtobufFields(records[2]).in(12);
    CHECK(defined.text(1) == "train/loss");
    CHECK(defined.text(4) == "step");
    CHECK(defined.in(6).at(3).integer == 1);

    using Items = std::map<std::string, std::string>;
    const ProtobufFields first = ProtobufFields(records[3]).in(2);
    Items wanted{{"train/loss", "0.5"}, {"step", "5"}, {"_step", "0"}, {"_runtime", "1.5"}, {"_timestamp", "1001.5"}};
    CHECK(items_of(first) == wanted);
    CHECK(first.in(2).size() == 0);
    const ProtobufFields second = ProtobufFields(records[5]).in(2);
    wanted = {{"train/rate", "NaN"}, {"step", "5"}, {"_step", "1"}, {"_runtime", "1.5"}, {"_timestamp", "1001.5"}};
    CHECK(items_of(second) == wanted);
    CHECK(second.in(2).at(1).integer == 1);
    const ProtobufFields third = ProtobufFields(records[6]).in(2);
    wanted = {{"train/loss", "-Infinity"}, {"step", "2"}, {"_step", "2"}, {"_runtime", "0.0"}, {"_timestamp", "999.0"}};
    CHECK(items_of(third) == wanted);
    const ProtobufFields text = ProtobufFields(records[8]).in(2);
    CHECK(items_of(text).at("report") == "\"**é** \\\"x\\\"\"");
    CHECK(items_of(text).at("_step") == "3");
}

TEST_CASE("the end is a summary of every name, then exit, final and footer") {
    const bitnet_test::TempDir directory;
    WandbSink sink(directory.path());
    sink.begin({.id = "a1b2c3d4", .start_time = 1000});
    for (int i = 0; i < 3; ++i) sink.point({.name = "loss", .step = i, .value = i / 2.0, .wall_time = 1001});
    sink.point({.name = "ratio", .value = 4, .wall_time = 1001});
    sink.end({.wall_time = 1002.9,
              .summary = {{"ratio", std::numeric_limits<double>::infinity()},
                          {"method", "BitNet-1.58"},
                          {"success", true}}});
    const auto records = wandb_records(sink);
    REQUIRE(records.size() == 12);
    CHECK(items_of(ProtobufFields(records[8]).in(3)) ==
          std::map<std::string, std::string>{{"loss", "1.0"}, {"ratio", "Infinity"}, {"method", "\"BitNet-1.58\""},
                                             {"success", "true"}, {"step", "0"}, {"_step", "3"}, {"_runtime", "1.0"},
                                             {"_timestamp", "1001.0"}, {"_wandb/runtime", "2"}});
    CHECK(records[9] == from_hex("080a 9201021002"));
    CHECK(records[10] == from_hex("080b a20100"));
    CHECK(records[11] == from_hex("080c b20100"));
}

TEST_CASE("summary, exit, final and footer have the bytes of W&B's own") {
    using bitnet::ProtobufWriter;
    const auto summary = ProtobufWriter().message(1, bitnet::detail::wandb_item("loss", "0.5"));
    CHECK(ProtobufWriter().integer(1, 4).message(3, summary).text() == from_hex("08041a0e0a0c0a046c6f7373820103302e35"));
    const bitnet_test::TempDir directory;
    WandbSink sink(directory.path());
    sink.begin({.id = "x", .start_time = 10});
    sink.end({.exit_code = -1, .wall_time = 5});  // before it began: no time was taken
    const auto records = wandb_records(sink, "x");
    REQUIRE(records.size() == 6);
    CHECK(records[3] == from_hex("0804 92010b 08ffffffffffffffffff01"));
    CHECK(records[4] == from_hex("0805a20100"));
    CHECK(records[5] == from_hex("0806b20100"));
}

TEST_CASE("ids and projects that W&B refuses are refused before a directory is made") {
    CHECK(refusal_to_begin({}) == "W&B: id of a run \"\" is empty");
    CHECK(refusal_to_begin({.id = " x"}) == "W&B: id of a run \" x\" begins or ends with a space");
    CHECK(refusal_to_begin({.id = "x "}) == "W&B: id of a run \"x \" begins or ends with a space");
    for (const char letter : std::string_view(":;,#?/'"))
        CHECK(refusal_to_begin({.id = std::string("a") + letter}).ends_with(" has one of :;,#?/'"));
    CHECK(refusal_to_begin({.id = "a\nb"}) == "W&B: id of a run \"a\\nb\" has a control character");
    CHECK(refusal_to_begin({.id = std::string(129, 'a')}).ends_with(" has more than 128 bytes"));
    CHECK(refusal_to_begin({.id = "\xff"}).ends_with("must be UTF-8, found \"\xff\""));
    CHECK(refusal_to_begin({.id = "a", .project = "a/b"}) == "W&B: project \"a/b\" has one of /\\#?%:");
    CHECK(refusal_to_begin({.id = "a", .config = Json::object({{"\xff", 1}})}).find("UTF-8") != std::string::npos);
    CHECK(refusal_to_begin({.id = "A run.of-mine_2", .project = "stories"}) == "accepted");
}

TEST_CASE("a run that is there is not written again, and W&B's own names are no metrics") {
    const bitnet_test::TempDir directory;
    WandbSink sink(directory.path()), again(directory.path());
    sink.begin({.id = "a1b2c3d4"});
    try {
        again.begin({.id = "a1b2c3d4"});
        FAIL("nothing was thrown");
    } catch (const bitnet::error& problem) {
        CHECK(problem.code() == errc::exists);
        CHECK(problem.what() == sink.path().string() + ": exists already");
    }
    CHECK_THROWS_WITH_AS(sink.point({.name = "step"}), "W&B: a metric cannot be called \"step\"", bitnet::error);
    CHECK_THROWS_WITH_AS(sink.point({.name = "_step"}), "W&B: a metric cannot be called \"_step\"", bitnet::error);
    CHECK_THROWS_AS(again.point({.name = "x"}), bitnet::error);
    CHECK(wandb_records(sink).size() == 2);
    sink.end({});
    CHECK_THROWS_AS(sink.point({.name = "x"}), bitnet::error);
    sink.begin({.id = "second"});  // another run, counted from the beginning
    sink.point({.name = "x", .step = 3});
    CHECK(items_of(ProtobufFields(wandb_records(sink, "second")[3]).in(2)).at("_step") == "0");
}

TEST_CASE("any history reads back as it was, across many blocks, and is there after every record") {
    constexpr unsigned seed = 5;
    MESSAGE("seed ", seed);
    std::mt19937_64 random(seed);
    const bitnet_test::TempDir directory;
    WandbSink sink(directory.path());
    sink.begin({.id = "a1b2c3d4"});
    std::vector<std::pair<std::string, std::string>> wanted;  // name, JSON
    for (int i = 0; i < 400; ++i) {
        const std::string name = "m" + std::to_string(random() % 5);
        if (random() % 4 == 0) {
            std::string text(random() % 20'000, 'x');
            for (char& letter : text) letter = static_cast<char>(' ' + random() % 95);
            sink.text({.name = name, .step = i, .text = text});
            wanted.emplace_back(name, bitnet::to_text(Json(text), -1));
        } else {
            const double value = static_cast<double>(random()) / 7;
            sink.point({.name = name, .step = i, .value = value});
            wanted.emplace_back(name, bitnet::to_text(Json(value), -1));
        }
    }
    std::size_t found = 0;
    for (const std::string& bytes : wandb_records(sink)) {
        const ProtobufFields record(bytes);
        if (record.find(2) == nullptr) continue;
        const auto items = items_of(record.in(2));
        REQUIRE(found < wanted.size());
        CHECK(items.at(wanted[found].first) == wanted[found].second);
        CHECK(items.at("_step") == std::to_string(found));
        ++found;
    }
    CHECK(found == wanted.size());
    CHECK(std::filesystem::file_size(log_path(sink, "a1b2c3d4")) > 10 * 32'768);
}
