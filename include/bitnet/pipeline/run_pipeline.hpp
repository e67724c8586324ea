/// The whole job: an attempt, what it is worth, and others until every gate passes or nothing is left to try.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/io/json.hpp>
#include <bitnet/pipeline/metadata.hpp>
#include <bitnet/pipeline/output_directory.hpp>
#include <bitnet/pipeline/rollback.hpp>

namespace bitnet::inline BITNET_ABI {

/// What becomes of a failed gate.
enum class GateMode {
    enforce,  ///< other ways are tried, and an output that fails is no output
    warn,     ///< it is told
    off,      ///< nothing is measured
};

struct PipelineOptions {
    GateLimits limits{};
    GateMode gates = GateMode::enforce;
    double time_limit = std::numeric_limits<double>::infinity();  ///< seconds behind which nothing new is begun
};

/// How an attempt is made and judged.
///
/// make(request, directory): calibrates, trains and writes both models into a directory that is empty; returns what was done, for the record
/// judge(directory, record): measures the files, adds what it measured to the record
/// ladder(): what to try where gates fail, in this order
/// told(name): is called before each attempt
template <class Job>
concept CompressionJob = requires(Job job, const typename Job::Request& request, const std::filesystem::path& directory, Json& record, std::string_view name) {
    { job.make(request, directory) } -> std::same_as<Json>;
    { job.judge(directory, record) } -> std::same_as<GateFigures>;
    { job.ladder() } -> std::same_as<std::vector<Rung<typename Job::Request>>>;
    job.told(name);
};

/// The record of the best attempt, with `gates`, `verdict` and `rungs`.
struct PipelineResult {
    Json record{};
    std::vector<GateResult> gates{};
    bool success() const { return all_passed(gates); }
    /// The sentences of the gates that failed.
    std::vector<std::string> failures() const {
        std::vector<std::string> out;
        for (const GateResult& gate : gates)
            if (gate.state == GateResult::State::failed) out.push_back(message(gate.name, ": ", gate.sentence));
        return out;
    }
};

namespace detail {

/// Attempts of one job, of which the best one's files stand in `into`.
template <CompressionJob Job>
class Attempts {
public:
    using Request = typename Job::Request;
    Attempts(Job& job, const PipelineOptions& options, const std::filesystem::path& into) : job_(job), options_(options), into_(into) {}

    void attempt(const std::string& name, const Request& request) {
        const auto begin = std::chrono::steady_clock::now();
        job_.told(name);
        const std::filesystem::path directory = into_ / "attempt";
        create(directory);
        Outcome outcome;
        try {
            outcome = judged(request, directory);
        } catch (...) {
            std::error_code ignored;
            std::filesystem::remove_all(directory, ignored);
            throw;
        }
        const double seconds = seconds_since(begin);
        rungs_.push_back(describe(name, outcome, seconds));
        if (best_ && !is_better(outcome, best_->outcome)) return remove_tree(directory);
        if (best_)
            for (const auto& earlier : best_->files) remove_tree(into_ / earlier);
        best_.emplace(Best{request, std::move(outcome), move_up(directory), rungs_.size() - 1});
    }
    bool passed() const { return best_->outcome.passed(); }
    const Request& request() const { return best_->request; }
    const Outcome& outcome() const { return best_->outcome; }
    /// The time was over when another way was to be tried.
    void out_of_time() { cut_ = true; }
    bool has_time() const { return seconds_since(begin_) < options_.time_limit; }

    PipelineResult result() && {
        PipelineResult out{std::move(best_->outcome.record), std::move(best_->outcome.gates)};
        if (options_.gates == GateMode::off) return out;
        rungs_[best_->rung].set("kept", true);
        if (cut_) out.record.set("out_of_time", true);
        out.record.set("gates", to_json(out.gates)).set("rungs", Json::array(std::move(rungs_)));
        out.record.set("verdict", Json::object({{"passed", out.success()}, {"sentence", verdict(out.gates)}}));
        return out;
    }

private:
    struct Best {
        Request request;
        Outcome outcome;
        std::vector<std::filesystem::path> files;
        std::size_t rung;
    };

    Outcome judged(const Request& request, const std::filesystem::path& directory) {
        Outcome out{.record = job_.make(request, directory)};
        if (options_.gates == GateMode::off) return out;
        out.figures = job_.judge(directory, out.record);
        out.gates = check_gates(out.figures, options_.limits);
        return out;
    }
    static double seconds_since(std::chrono::steady_clock::time_point begin) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
    static void create(const std::filesystem::path& directory) {
        if (std::error_code reason; !std::filesystem::create_directory(directory, reason))
            throw error(reason ? errc::io : errc::exists, message(directory.string(), ": cannot create: ", reason ? reason.message() : "it is there"));
    }
    std::vector<std::filesystem::path> move_up(const std::filesystem::path& directory) const {
        std::vector<std::filesystem::path> out;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) out.push_back(entry.path().filename());
        for (const auto& name : out) rename_or_throw(directory / name, into_ / name);
        remove_tree(directory);
        return out;
    }
    static Json describe(const std::string& name, const Outcome& outcome, double seconds) {
        Json out = Json::object({{"name", name}, {"seconds", seconds}, {"failed", outcome.failures()}});
        const auto set = [&out](const char* key, const std::optional<double>& value) {
            if (value && is_finite(*value)) out.set(key, *value);
        };
        set("degradation", outcome.figures.degradation);
        set("ratio", outcome.figures.compression_ratio);
        if (const Json* const quality = outcome.record.find("quality"); quality != nullptr && quality->at("post_perplexity").is_number())
            out.set("perplexity", quality->at("post_perplexity"));
        const double parameters = outcome.record.at("total_params").as_double(), bytes = outcome.record.at("quantized_bytes").as_double();
        if (parameters > 0 && bytes > 0) out.set("bits_per_weight", 8 * bytes / parameters);
        return out;
    }
    static std::string verdict(const std::vector<GateResult>& gates) {
        std::string out;
        for (const GateResult& gate : gates)
            if (gate.state == GateResult::State::failed) out += message(out.empty() ? "" : "; ", gate.sentence);
        if (!out.empty()) return out;
        const auto blind = std::ranges::count_if(gates, [](const GateResult& gate) { return gate.state == GateResult::State::not_measured; });
        return blind == 0 ? "no gate failed" : message("no gate failed, ", blind, " of ", gates.size(), blind == 1 ? " was" : " were", " not measured");
    }

    Job& job_;
    PipelineOptions options_;
    std::filesystem::path into_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::optional<Best> best_{};
    Json::Array rungs_{};
    bool cut_ = false;  ///< short, by the clock
};

}  // namespace detail

/// Makes what was asked for and judges it; while gates fail and are enforced, climbs the job's ladder. The best attempt's files are left
/// in `into`, a directory that is there: never worse than any other that was tried.
///
/// Errors  those of the job; an attempt's files do not stay then
template <CompressionJob Job>
PipelineResult run_pipeline(Job& job, const typename Job::Request& request, const PipelineOptions& options, const std::filesystem::path& into) {
    detail::Attempts<Job> attempts(job, options, into);
    attempts.attempt("as asked", request);
    if (options.gates == GateMode::enforce)
        for (const Rung<typename Job::Request>& rung : job.ladder()) {
            if (attempts.passed()) break;
            if (!attempts.has_time()) {
                attempts.out_of_time();
                break;
            }
            if (const auto next = rung.next(attempts.request(), attempts.outcome())) attempts.attempt(rung.name, *next);
        }
    return std::move(attempts).result();
}

}  // namespace bitnet::inline BITNET_ABI
