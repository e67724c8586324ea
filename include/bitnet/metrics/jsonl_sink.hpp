/// Metrics as lines of JSON.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/append_file.hpp>
#include <bitnet/metrics/checked.hpp>
#include <bitnet/metrics/metric_sink.hpp>

namespace bitnet::inline BITNET_ABI {

/// Appends one JSON object a line to a file, all of it out before the call returns:
///
///     {"record":"run","id":"a1b2c3d4","project":"stories","start_time":1.7e+09,"config":{"rate":0.01}}
///     {"record":"point","name":"train/loss","step":7,"value":0.5,"wall_time":1700000001.5}
///     {"record":"text","name":"report","step":7,"text":"**good**","wall_time":1700000001.5}
///     {"record":"end","exit_code":0,"wall_time":1700000002.0,"summary":{"train/loss":0.5}}
///
/// Numbers have the digits that read back equal. A value that is not finite is `"value":null,"text":"nan"`, or "inf",
/// or "-inf"; in configuration and summary it is that text itself. A file that is there goes on, behind a line that a
/// killed run left unfinished; a run's lines begin with the "run" line before them.
///
/// Errors  of begin(): errc::io when the file cannot be opened, its directory not being there for instance; of all:
///         errc::io when it cannot be written, errc::bad_value for records that check_record() refuses
class JsonlSink {
public:
    static constexpr std::string_view name = "jsonl";

    explicit JsonlSink(std::filesystem::path path) : path_(std::move(path)) {}

    void begin(const MetricRun& run) {
        check_record(run);
        file_ = AppendFile::open(path_);
        if (file_.ends_unlike('\n')) file_.append("\n");
        line(Json::object({{"record", "run"},
                           {"id", run.id},
                           {"project", run.project},
                           {"start_time", run.start_time},
                           {"config", finite_json(run.config)}}));
    }
    void point(const MetricPoint& point) {
        check_record(point);
        Json out = Json::object({{"record", "point"}, {"name", point.name}, {"step", point.step}});
        if (is_finite(point.value))
            out.set("value", point.value);
        else
            out.set("value", nullptr).set("text", not_finite_text(point.value));
        line(out.set("wall_time", point.wall_time));
    }
    void text(const MetricText& text) {
        check_record(text);
        line(Json::object({{"record", "text"},
                           {"name", text.name},
                           {"step", text.step},
                           {"text", text.text},
                           {"wall_time", text.wall_time}}));
    }
    void end(const MetricEnd& end) {
        check_record(end);
        line(Json::object({{"record", "end"},
                           {"exit_code", end.exit_code},
                           {"wall_time", end.wall_time},
                           {"summary", finite_json(Json::object(end.summary))}}));
        file_.close();
    }

private:
    void line(const Json& record) { file_.append(to_text(record, -1) + "\n"); }

    std::filesystem::path path_;
    AppendFile file_;
};

}  // namespace bitnet::inline BITNET_ABI
