#include "sinks.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <bitnet/core/rng.hpp>
#include <bitnet/metrics.hpp>
#include <bitnet/report/record_metrics.hpp>

namespace cli {
namespace {

using namespace bitnet;
namespace fs = std::filesystem;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

/// Eight letters and digits, as W&B's own ids are: other ones in each run.
std::string new_id() {
    const auto time = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    Random random(mix64(time ^ (static_cast<std::uint64_t>(::getpid()) << 40)));
    std::string out;
    for (int i = 0; i < 8; ++i) out += "abcdefghijklmnopqrstuvwxyz0123456789"[random.below(36)];
    return out;
}

/// What the system calls a directory, there or not, without a slash at its end.
fs::path whole(const fs::path& path) {
    std::error_code ignored;
    fs::path out = fs::weakly_canonical(fs::absolute(path, ignored), ignored).lexically_normal();
    return out.has_filename() ? out : out.parent_path();
}

/// A directory inside of the output is made where that is built: made in its final place, it would be in the output's way.
fs::path built_at(const fs::path& directory, const AtomicDirectory& output) {
    const fs::path inside = whole(directory).lexically_relative(whole(output.target()));
    if (inside.empty() || *inside.begin() == "..") return directory;
    return inside == "." ? output.path() : output.path() / inside;
}

/// Lines of JSON in a directory that is made for them.
class JsonlDirectory {
public:
    static constexpr std::string_view name = JsonlSink::name;

    explicit JsonlDirectory(fs::path directory) : directory_(std::move(directory)), lines_(directory_ / "metrics.jsonl") {}
    void begin(const MetricRun& run) {
        make_directories(directory_);
        lines_.begin(run);
    }
    void point(const MetricPoint& point) { lines_.point(point); }
    void text(const MetricText& text) { lines_.text(text); }
    void end(const MetricEnd& end) { lines_.end(end); }

private:
    fs::path directory_;
    JsonlSink lines_;
};

}  // namespace

void add_sinks(CLI::App& app, SinkOptions& options) {
    CLI::App& group = *app.add_option_group("Metrics");
    group.add_option("--metrics", options.metrics, "directory whose metrics.jsonl gets the run's metrics too, behind those of other runs");
    group.add_option("--tensorboard", options.tensorboard, "directory for TensorBoard, which gets a directory of this run");
    group.add_option("--wandb", options.wandb, "directory for W&B, which gets an offline run of this run; default: none, or wandb in the output "
                     "where the configuration has wandb_enabled");
}

JobMetrics::JobMetrics(const SinkOptions& options, const Config& config, Json about, const AtomicDirectory& output) : output_(output.path().string()) {
    const std::string id = new_id();
    sinks_.add(JsonlDirectory(output.path()));
    if (const fs::path place = built_at(options.metrics, output); !options.metrics.empty() && place != output.path()) sinks_.add(JsonlDirectory(place));
    if (!options.tensorboard.empty())
        sinks_.add(TensorBoardSink(built_at(options.tensorboard, output) / message(output.target().filename().string(), "-", id)));
    if (!options.wandb.empty())
        sinks_.add(WandbSink(built_at(options.wandb, output)));
    else if (config.wandb_enabled)
        sinks_.add(WandbSink(output.path() / "wandb"));
    sinks_.begin({.id = id, .project = config.wandb_project, .start_time = now(), .config = std::move(about)});
    warn();
}

JobMetrics::~JobMetrics() {
    if (finished_) return;
    try {
        sinks_.end({.exit_code = 1, .wall_time = now(), .summary = {{"phase/success", false}}});
        warn();
    } catch (...) {  // not enough memory to say so: the run stays without an end, as a killed one does
    }
}

void JobMetrics::step(const TrainingRecord& record) {
    const StepRecord done = report::step_record(to_json(record));
    log_metrics(sinks_, done, done.step, now());
    warn();
}

void JobMetrics::finish(Json& record, int status) {
    report::log_record(sinks_, record, now(), false);  // steps were told when they were done
    sinks_.end({.exit_code = status, .wall_time = now(), .summary = metrics_of(report::phase_records(record))});
    finished_ = true;
    warn();
    Json notes = Json::array();
    if (const Json* const before = record.find("notes")) notes = *before;
    for (const auto& [sink, what] : sinks_.failures()) notes.push_back(message("metrics: ", sink, ": ", what));
    record.set("notes", std::move(notes));
}

void JobMetrics::warn() {
    for (; warned_ < sinks_.failures().size(); ++warned_) {
        const auto& [sink, what] = sinks_.failures()[warned_];
        if (what.starts_with(output_)) continue;
        std::fprintf(stderr, "bitnet: warning: no more metrics for %s: %s\n", sink.c_str(), what.c_str());
    }
}

}  // namespace cli
