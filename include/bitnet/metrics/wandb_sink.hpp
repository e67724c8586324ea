/// Metrics as an offline run of Weights & Biases.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/append_file.hpp>
#include <bitnet/metrics/checked.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/metrics/protobuf_writer.hpp>
#include <bitnet/metrics/wandb_log.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// JSON as W&B reads it: a number that is not finite is a bare word, where no array or object is around it.
inline std::string wandb_json(const Json& value) {
    if (value.is_number() && !value.is_integer() && !is_finite(value.as_double())) {
        const std::string_view text = not_finite_text(value.as_double());
        return text == "nan" ? "NaN" : text == "inf" ? "Infinity" : "-Infinity";
    }
    return to_text(finite_json(value), -1);
}

/// An item of a configuration, a history or a summary: {key 1, value_json 16}.
inline ProtobufWriter wandb_item(std::string_view key, std::string_view json) {
    return ProtobufWriter().bytes(1, key).bytes(16, json);
}

/// Which of Record's oneof a record is.
enum class WandbRecord : std::uint32_t {
    history = 2,
    summary = 3,
    metric = 12,
    run = 17,
    exit = 18,
    final = 20,
    header = 21,
    footer = 22,
};

/// What W&B refuses in ids and names of projects, and what cannot stand in a file's name.
inline void check_wandb_name(std::string_view name, std::string_view what, std::string_view forbidden) {
    const auto refuse = [&](std::string_view why) {
        throw error(errc::bad_value, message("W&B: ", what, " ", quote(name), why));
    };
    if (name.empty()) refuse(" is empty");
    if (name.size() > 128) refuse(" has more than 128 bytes");
    if (name.front() == ' ' || name.back() == ' ') refuse(" begins or ends with a space");
    if (name.find_first_of(forbidden) != name.npos) refuse(message(" has one of ", forbidden));
    for (const char letter : name)
        if (static_cast<unsigned char>(letter) < ' ') refuse(" has a control character");
}

/// `YYYYMMDD_HHMMSS` in this machine's time zone.
inline std::string local_time_text(double time) {
    const auto seconds = static_cast<std::time_t>(time);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 32> text;
    return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d_%H%M%S", &local)};
}

}  // namespace detail

/// Writes `offline-run-<local time of the start>-<id>/` into a directory, `wandb` by custom, which it makes: what
/// `wandb sync` takes. Its `run-<id>.wandb` holds everything; `files/` and `logs/` are there for W&B.
///
/// Every point is a record of W&B's history by itself, because its `_step` must rise from record to record and a
/// metric's own step may come again: `_step` counts the records, `step` is the point's, and is named the x axis of
/// every metric. So each record is out before the call returns. Texts are history too. The summary is the last value of
/// every name, or what the end says of it. Numbers have all their digits.
///
/// Errors  of begin(): errc::bad_value for an id that W&B does not allow (none, more than 128 bytes, a space at one of
///         its ends, a control character, one of : ; , # ? / ') or such a project (one of / \ # ? % :; none is allowed);
///         errc::exists when the run's directory has that run; errc::io when it cannot be made. Of all: errc::io when the
///         file cannot be written; errc::bad_value for records that check_record() refuses, and for metrics called `step`
///         or by a name that begins with `_`, which are W&B's
/// Source  wandb, proto/wandb_internal.proto and core/internal/runsync
class WandbSink {
public:
    static constexpr std::string_view name = "wandb";

    explicit WandbSink(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// The directory of the run that was begun, to be given to `wandb sync`.
    std::filesystem::path path() const { return file_.path().parent_path(); }

    void begin(const MetricRun& run) {
        check_record(run);
        detail::check_wandb_name(run.id, "id of a run", ":;,#?/'");
        if (!run.project.empty()) detail::check_wandb_name(run.project, "project", "/\\#?%:");
        const ProtobufWriter record = run_record(run);
        const std::string time = detail::local_time_text(run.start_time);
        file_ = create(directory_ / message("offline-run-", time, "-", run.id), run.id);
        log_ = {};
        start_time_ = run.start_time;
        records_ = steps_ = 0;
        last_.clear();
        file_.append(WandbLog::file_header);
        write(Record::header, ProtobufWriter().message(1, ProtobufWriter().bytes(1, "bitnet").bytes(2, "0.70.0")));
        write(Record::run, record);
    }
    void point(const MetricPoint& point) {
        check_record(point);
        history_record(point.name, point.step, point.wall_time, point.value);
    }
    void text(const MetricText& text) {
        check_record(text);
        history_record(text.name, text.step, text.wall_time, text.text);
    }
    void end(const MetricEnd& end) {
        check_record(end);
        for (const auto& [key, value] : end.summary) last_[key] = detail::wandb_json(value);
        const std::int64_t runtime = std::clamp<std::int64_t>(static_cast<std::int64_t>(end.wall_time - start_time_), 0,
                                                              std::numeric_limits<std::int32_t>::max());
        ProtobufWriter items;
        for (const auto& [key, json] : last_) items.message(1, detail::wandb_item(key, json));
        // One key of two parts, {nested_key 2: repeated}.
        items.message(1, ProtobufWriter().bytes(2, "_wandb").bytes(2, "runtime").bytes(16, message(runtime)));
        write(Record::summary, items);
        ProtobufWriter how;
        if (end.exit_code != 0) how.integer(1, end.exit_code);
        if (runtime != 0) how.integer(2, runtime);
        write(Record::exit, how);
        write(Record::final, {});
        write(Record::footer, {});
        file_.close();
    }

private:
    using Record = detail::WandbRecord;

    static AppendFile create(const std::filesystem::path& directory, const std::string& id) {
        make_directories(directory / "files");
        make_directories(directory / "logs");
        auto file = AppendFile::create(directory / message("run-", id, ".wandb"));
        if (!file) throw error(errc::exists, message(directory.string(), ": exists already"));
        return std::move(*file);
    }

    static ProtobufWriter run_record(const MetricRun& run) {
        ProtobufWriter config, start;
        for (const auto& [key, value] : run.config.as_object()) {
            detail::check_utf8(key, "key of a configuration");
            config.message(1, detail::wandb_item(key, detail::wandb_json(value)));
        }
        const double seconds = std::floor(run.start_time);
        start.integer(1, static_cast<std::int64_t>(seconds));
        start.integer(2, static_cast<std::int64_t>((run.start_time - seconds) * 1e9));
        ProtobufWriter out;
        out.bytes(1, run.id);
        if (!run.project.empty()) out.bytes(3, run.project);
        return out.message(4, config).message(17, start);
    }

    void history_record(const std::string& key, std::int64_t step, double wall_time, const Json& value) {
        if (key == "step" || key.front() == '_')
            throw error(errc::bad_value, message("W&B: a metric cannot be called ", detail::quote(key)));
        if (!last_.contains(key)) {  // MetricRecord {name 1, step_metric 4, options 6 {defined 3}}
            const auto defined = ProtobufWriter().integer(3, 1);
            write(Record::metric, ProtobufWriter().bytes(1, key).bytes(4, "step").message(6, defined));
        }
        const std::array<std::pair<std::string, Json>, 5> items{{{key, value},
                                                                 {"step", step},
                                                                 {"_step", steps_},
                                                                 {"_runtime", std::max(0.0, wall_time - start_time_)},
                                                                 {"_timestamp", wall_time}}};
        ProtobufWriter content, number;
        for (const auto& [item, held] : items) {
            std::string& json = last_[item] = detail::wandb_json(held);
            content.message(1, detail::wandb_item(item, json));
        }
        if (steps_ != 0) number.integer(1, steps_);
        write(Record::history, content.message(2, number));
        ++steps_;
    }

    void write(Record record, const ProtobufWriter& content) {
        const auto field = static_cast<std::uint32_t>(record);
        file_.append(log_.frame(ProtobufWriter().integer(1, ++records_).message(field, content).text()));
    }

    std::filesystem::path directory_;
    AppendFile file_;
    WandbLog log_;
    double start_time_ = 0;
    std::int64_t records_ = 0, steps_ = 0;
    std::map<std::string, std::string> last_;  ///< JSON of every item of the history
};

}  // namespace bitnet::inline BITNET_ABI
