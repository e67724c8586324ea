#include <bitnet/metrics/metric_sink.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/metrics/jsonl_sink.hpp>
#include <bitnet/metrics/tensorboard_sink.hpp>
#include <bitnet/metrics/wandb_sink.hpp>
#include <support/temp_dir.hpp>

using bitnet::AnySink;
using bitnet::MetricEnd;
using bitnet::MetricPoint;
using bitnet::MetricRun;
using bitnet::MetricText;
using bitnet::Sinks;

namespace {

/// A sink of one's own.
struct Worst {
    static constexpr std::string_view name = "worst";
    std::shared_ptr<double> value = std::make_shared<double>(0);
    void begin(const MetricRun&) { *value = 0; }
    void point(const MetricPoint& point) { *value = point.value > *value ? point.value : *value; }
    void text(const MetricText&) {}
    void end(const MetricEnd&) {}
};

/// Remembers what it was told, and cannot do what it is told not to.
struct Diary {
    static constexpr std::string_view name = "diary";
    std::shared_ptr<std::vector<std::string>> told = std::make_shared<std::vector<std::string>>();
    std::string cannot = {};
    std::unique_ptr<int> moved_only = {};
    void begin(const MetricRun& run) { tell("begin " + run.id); }
    void point(const MetricPoint& point) { tell("point " + point.name); }
    void text(const MetricText& text) { tell("text " + text.text); }
    void end(const MetricEnd& end) { tell("end " + std::to_string(end.exit_code)); }
    void tell(const std::string& what) {
        if (what == cannot) throw std::runtime_error("no ink for " + what);
        told->push_back(what);
    }
};

struct WithoutEnd {
    static constexpr std::string_view name = "without end";
    void begin(const MetricRun&) {}
    void point(const MetricPoint&) {}
    void text(const MetricText&) {}
};

void tell_all(Sinks& sinks) {
    sinks.begin({.id = "r"});
    sinks.point({.name = "loss"});
    sinks.text({.name = "report", .text = "words"});
    sinks.end({.exit_code = 3});
}
const std::vector<std::string> everything{"begin r", "point loss", "text words", "end 3"};

}  // namespace

static_assert(bitnet::MetricSink<Worst> && bitnet::MetricSink<Diary> && bitnet::MetricSink<Sinks>);
static_assert(!bitnet::MetricSink<WithoutEnd> && !bitnet::MetricSink<int>);
static_assert(!std::copy_constructible<AnySink> && std::movable<AnySink>);

TEST_CASE("a sink of one's own needs a name and four functions") {
    const Worst worst;
    Sinks sinks;
    sinks.add(worst);
    for (const double loss : {0.5, 2.0, 1.0}) sinks.point({.name = "train/loss", .value = loss});
    CHECK(*worst.value == 2.0);
}

TEST_CASE("every sink gets every record, in order") {
    const Diary a, b;
    Sinks sinks;
    sinks.add(Diary{.told = a.told});
    Sinks inner;
    inner.add(Diary{.told = b.told});
    sinks.add(std::move(inner));  // a list is a sink
    CHECK(sinks.size() == 2);
    tell_all(sinks);
    CHECK(*a.told == everything);
    CHECK(*b.told == everything);
    CHECK(sinks.failures().empty());
}

TEST_CASE("a sink that cannot go on is left out, and the others hear everything") {
    for (const std::string& cannot : everything) {
        const Diary a, b, c;
        Sinks sinks;
        sinks.add(Diary{.told = a.told});
        sinks.add(Diary{.told = b.told, .cannot = cannot});
        sinks.add(Diary{.told = c.told});
        tell_all(sinks);
        CHECK(*a.told == everything);
        CHECK(b.told->size() < 4);
        CHECK(*c.told == everything);
        CHECK(sinks.size() == 2);
        CHECK(sinks.failures() == std::vector<Sinks::Failure>{{"diary", "no ink for " + cannot}});
    }
}

TEST_CASE("sinks are moved into a list and out of it") {
    AnySink any = Diary{};
    CHECK(any.name() == "diary");
    AnySink other = Worst{};
    other = std::move(any);
    CHECK(other.name() == "diary");
}

TEST_CASE("a disk that is full and places that cannot be written are one line each, and stop nothing") {
    const bitnet_test::TempDir directory;
    const auto file = directory / "file";
    bitnet_test::write_text(file, "");
    const Diary diary;
    Sinks sinks;
    sinks.add(bitnet::JsonlSink("/dev/full"));
    sinks.add(bitnet::JsonlSink(directory / "none/metrics.jsonl"));
    sinks.add(bitnet::TensorBoardSink(file));
    sinks.add(bitnet::WandbSink(file));
    sinks.add(bitnet::TensorBoardSink("/dev/null/runs"));
    sinks.add(Diary{.told = diary.told});
    tell_all(sinks);
    CHECK(*diary.told == everything);
    CHECK(sinks.size() == 1);
    REQUIRE(sinks.failures().size() == 5);
    const auto what = [&](std::size_t i) { return sinks.failures()[i].sink + ": " + sinks.failures()[i].what; };
    CHECK(what(0) == "jsonl: /dev/full: cannot write: No space left on device");
    CHECK(what(1) == "jsonl: " + (directory / "none/metrics.jsonl").string() + ": cannot open: No such file or directory");
    CHECK(what(2) == "tensorboard: " + file.string() + ": cannot create: Not a directory");
    CHECK(what(3).starts_with("wandb: " + file.string() + "/offline-run-"));
    CHECK(what(3).ends_with("-r/files: cannot create: Not a directory"));
    CHECK(what(4) == "tensorboard: /dev/null/runs: cannot create: Not a directory");
}
