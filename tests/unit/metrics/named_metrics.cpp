#include <bitnet/metrics/named_metrics.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

using bitnet::Json;
using bitnet::log_metrics;
using bitnet::metrics_of;
using bitnet::NamedMetric;
using bitnet::points_of;

namespace {

/// A record of one's own: every kind of value.
struct Baked {
    std::optional<double> heat{};
    std::optional<std::uint64_t> loaves{};
    std::optional<bool> done{};
    std::optional<std::string> smell{};
    static constexpr auto metrics = std::tuple{NamedMetric{"bake/heat", &Baked::heat}, NamedMetric{"bake/loaves", &Baked::loaves},
                                               NamedMetric{"bake/done", &Baked::done}, NamedMetric{"bake/smell", &Baked::smell}};
};
struct Shelved {
    int shelf = 0;
    std::optional<double> heat{};
    std::string group() const { return "shelf/" + std::to_string(shelf) + "/"; }
    static constexpr auto metrics = std::tuple{NamedMetric{"heat", &Shelved::heat}};
};

/// Writes down what it is told.
struct Ledger {
    static constexpr std::string_view name = "ledger";
    std::vector<std::string> lines = {};
    void begin(const bitnet::MetricRun&) {}
    void point(const bitnet::MetricPoint& point) {
        lines.push_back(bitnet::message(point.name, " = ", point.value, " at ", point.step, ", ", point.wall_time));
    }
    void text(const bitnet::MetricText& text) {
        lines.push_back(bitnet::message(text.name, " says ", text.text, " at ", text.step, ", ", text.wall_time));
    }
    void end(const bitnet::MetricEnd&) {}
};

}  // namespace

static_assert(bitnet::NamedMetrics<Baked> && bitnet::NamedMetrics<Shelved> && !bitnet::NamedMetrics<Ledger> && !bitnet::NamedMetrics<int>);

TEST_CASE("names stand in the order of the struct, measured or not") {
    CHECK(bitnet::metric_names<Baked>() == std::vector<std::string_view>{"bake/heat", "bake/loaves", "bake/done", "bake/smell"});
}

TEST_CASE("what was not measured is left out, and what is 0 or false is not") {
    CHECK(metrics_of(Baked{}).empty());
    CHECK(points_of(Baked{}, 0, 0).empty());
    const Baked cold{.heat = 0.0, .loaves = 0, .done = false, .smell = ""};
    CHECK(metrics_of(cold) == Json::Object{{"bake/heat", 0.0}, {"bake/loaves", 0}, {"bake/done", false}, {"bake/smell", ""}});
    CHECK(points_of(cold, 0, 0).size() == 3);
}

TEST_CASE("numbers and flags are points, texts are texts, and all have step and time") {
    const Baked baked{.heat = 220.5, .loaves = 12, .done = true, .smell = "good"};
    Ledger ledger;
    log_metrics(ledger, baked, 7, 1.5);
    CHECK(ledger.lines == std::vector<std::string>{"bake/heat = 220.5 at 7, 1.5", "bake/loaves = 12 at 7, 1.5", "bake/done = 1 at 7, 1.5",
                                                   "bake/smell says good at 7, 1.5"});
    bitnet::Sinks none;
    log_metrics(none, baked, 7, 1.5);  // a list of sinks is a sink
    CHECK(none.failures().empty());
}

TEST_CASE("a group stands before each name") {
    CHECK(metrics_of(Shelved{.shelf = 3, .heat = 1.0}) == Json::Object{{"shelf/3/heat", 1.0}});
    CHECK(points_of(Shelved{.shelf = 3, .heat = 1.0}, 2, 0).front().name == "shelf/3/heat");
    CHECK(bitnet::metric_names<Shelved>() == std::vector<std::string_view>{"heat"});
}
