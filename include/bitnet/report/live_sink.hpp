/// Metrics of a run, shown on a live page.
#pragma once

#include <string>
#include <string_view>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/report/live_server.hpp>

namespace bitnet::inline BITNET_ABI {

/// Passes a run's records on to a LiveServer, which must outlive it: each metric is a curve, texts are messages. How the
/// run ended is the server's own to say, with finish() or give_up().
class LiveSink {
public:
    static constexpr std::string_view name = "live";

    explicit LiveSink(LiveServer& server) : server_(&server) {}

    void begin(const MetricRun& run) { server_->event("run", Json::object({{"model", run.project}, {"id", run.id}, {"config", run.config}})); }
    void point(const MetricPoint& point) {
        server_->event("point", Json::object({{"name", point.name}, {"step", point.step}, {"value", point.value}}));
    }
    void text(const MetricText& text) { server_->event("log", Json::object({{"text", message(text.name, ": ", text.text)}})); }
    void end(const MetricEnd&) {}

private:
    LiveServer* server_;
};

}  // namespace bitnet::inline BITNET_ABI
