#include <bitnet/report/live_sink.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>

using bitnet::Json;
using bitnet::LiveServer;
using bitnet::LiveSink;

static_assert(bitnet::MetricSink<LiveSink>);

TEST_CASE("a run's records reach the page beside other sinks, in their order") {
    LiveServer server;
    bitnet::Sinks sinks;
    sinks.add(LiveSink(server));
    sinks.begin({.id = "a1", .project = "stories", .config = Json::object({{"rate", 0.5}})});
    sinks.point({.name = "train/loss", .step = 7, .value = 0.25});
    sinks.point({.name = "train/loss", .step = 8, .value = std::numeric_limits<double>::quiet_NaN()});
    sinks.text({.name = "sample", .text = "Once"});
    sinks.end({.exit_code = 1});
    CHECK(sinks.failures().empty());
    server.give_up("over");
    std::string got;
    httplib::Client("127.0.0.1", server.port()).Get("/events", [&](const char* data, std::size_t size) {
        got.append(data, size);
        return got.find("event: end\n") == got.npos;
    });
    CHECK(got.starts_with("event: run\ndata: {\"model\":\"stories\",\"id\":\"a1\",\"config\":{\"rate\":0.5}}\n\n"
                          "event: point\ndata: {\"name\":\"train/loss\",\"step\":7,\"value\":0.25}\n\n"
                          "event: point\ndata: {\"name\":\"train/loss\",\"step\":8,\"value\":\"nan\"}\n\n"
                          "event: log\ndata: {\"text\":\"sample: Once\"}\n\n"
                          "event: end\n"));
}
