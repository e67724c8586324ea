/// Where a job's metrics go, as the commands offer it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include <bitnet/io/atomic_directory.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/metric_sink.hpp>
#include <bitnet/pipeline/config.hpp>
#include <bitnet/train/run.hpp>

namespace cli {

/// Directories; empty: not asked for.
struct SinkOptions {
    std::filesystem::path metrics{}, tensorboard{}, wandb{};
};
/// --metrics, --tensorboard and --wandb.
void add_sinks(CLI::App& app, SinkOptions& options);

/// The metrics of one job. Its output gets metrics.jsonl, and a W&B run where the configuration says wandb_enabled; what
/// was asked for goes where it was asked for, and a place inside of the output is built with it. A sink that cannot be
/// written is a line on standard error and a note in the record, and never the end of the job.
class JobMetrics {
public:
    /// Begins a run.  about: what is run, an object; output: must live longer
    JobMetrics(const SinkOptions& options, const bitnet::Config& config, bitnet::Json about, const bitnet::AtomicDirectory& output);
    JobMetrics(const JobMetrics&) = delete;
    JobMetrics& operator=(const JobMetrics&) = delete;
    /// A job that has not come to finish() has failed: its run ends with status 1.
    ~JobMetrics();

    /// A step of training that was just done.
    void step(const bitnet::TrainingRecord& record);
    /// Ends the run with everything that the record tells, before the output is whole. Sinks that were left out become
    /// `notes` of the record.  status: that the program ends with
    void finish(bitnet::Json& record, int status = 0);

private:
    void warn();

    bitnet::Sinks sinks_{};
    std::string output_;  ///< what cannot be written there is a note only, for the job has sentences of its own about it
    std::size_t warned_ = 0;
    bool finished_ = false;
};

}  // namespace cli
