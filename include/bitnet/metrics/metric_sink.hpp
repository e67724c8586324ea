/// Where a run's metrics go: the records, what a sink is, and a list of sinks of which none can stop the job.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/config/abi.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet::inline BITNET_ABI {

// Times are seconds since the beginning of 1970, UTC, with fractions. Texts are UTF-8.

/// What a run is: said once, before everything else.
struct MetricRun {
    std::string id = {};           ///< tells it from other runs of the project: "a1b2c3d4"
    std::string project = {};      ///< the runs that it is compared with
    double start_time = 0;         ///< in [0, 1e10)
    Json config = Json::object();  ///< an object, as deep as the configuration is
};

/// One number at one step. Its name has groups before slashes: `train/loss`, `compression/ratio`.
struct MetricPoint {
    std::string name = {};
    std::int64_t step = 0;  ///< >= 0; of the same name it should not fall
    double value = 0;       ///< any, NaN and infinities too
    double wall_time = 0;
};

/// A text for people, in Markdown: a report, generated text.
struct MetricText {
    std::string name = {};
    std::int64_t step = 0;  ///< >= 0
    std::string text = {};
    double wall_time = 0;
};

/// How a run ended: said once, after everything else.
struct MetricEnd {
    int exit_code = 0;  ///< 0: success
    double wall_time = 0;
    Json::Object summary = {};  ///< last values by name, in the order to show them; texts and flags too, no name twice
};

/// What takes the records of a run: begin() once, then points and texts in the order of time, then end() once. A run
/// that was killed has no end(); begin() after it starts another run.
///
/// A sink says that it cannot go on by an exception. Its `name` is one word, for messages.
template <class Sink>
concept MetricSink = requires(Sink sink, const MetricRun& run, const MetricPoint& point, const MetricText& text,
                              const MetricEnd& end) {
    { Sink::name } -> std::convertible_to<std::string_view>;
    sink.begin(run);
    sink.point(point);
    sink.text(text);
    sink.end(end);
} && std::move_constructible<Sink>;

/// Any sink, as a value that can be moved.
class AnySink {
public:
    template <class Sink>
        requires(!std::same_as<Sink, AnySink> && MetricSink<Sink>)
    AnySink(Sink sink) : sink_(std::make_unique<Holder<Sink>>(std::move(sink))) {}

    std::string_view name() const { return sink_->name(); }
    void begin(const MetricRun& run) { sink_->begin(run); }
    void point(const MetricPoint& point) { sink_->point(point); }
    void text(const MetricText& text) { sink_->text(text); }
    void end(const MetricEnd& end) { sink_->end(end); }

private:
    struct Base {
        virtual ~Base() = default;
        virtual std::string_view name() const = 0;
        virtual void begin(const MetricRun&) = 0;
        virtual void point(const MetricPoint&) = 0;
        virtual void text(const MetricText&) = 0;
        virtual void end(const MetricEnd&) = 0;
    };
    template <class Sink>
    struct Holder final : Base {
        explicit Holder(Sink&& sink) : held(std::move(sink)) {}
        std::string_view name() const override { return Sink::name; }
        void begin(const MetricRun& run) override { held.begin(run); }
        void point(const MetricPoint& point) override { held.point(point); }
        void text(const MetricText& text) override { held.text(text); }
        void end(const MetricEnd& end) override { held.end(end); }
        Sink held;
    };

    std::unique_ptr<Base> sink_;
};

/// Hands each record to every sink of a list, in the list's order. A sink that throws a std::exception gets no further
/// record and is remembered in failures(); nothing is thrown, for a job of hours does not end because a disk is full.
/// Is a sink itself. For one thread at a time.
class Sinks {
public:
    static constexpr std::string_view name = "sinks";

    /// Why a sink was left out: its name, and what() of its exception, which names the file.
    struct Failure {
        std::string sink, what;
        bool operator==(const Failure&) const = default;
    };

    void add(AnySink sink) { sinks_.push_back(std::move(sink)); }
    /// How many still take records.
    std::size_t size() const noexcept { return sinks_.size(); }
    /// In the order in which they happened.
    const std::vector<Failure>& failures() const noexcept { return failures_; }

    void begin(const MetricRun& run) {
        each([&](AnySink& sink) { sink.begin(run); });
    }
    void point(const MetricPoint& point) {
        each([&](AnySink& sink) { sink.point(point); });
    }
    void text(const MetricText& text) {
        each([&](AnySink& sink) { sink.text(text); });
    }
    void end(const MetricEnd& end) {
        each([&](AnySink& sink) { sink.end(end); });
    }

private:
    template <class Call>
    void each(const Call& call) {
        for (std::size_t i = 0; i < sinks_.size();) {
            try {
                call(sinks_[i]);
                ++i;
            } catch (const std::exception& problem) {
                failures_.push_back({std::string(sinks_[i].name()), problem.what()});
                sinks_.erase(sinks_.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
    }

    std::vector<AnySink> sinks_;
    std::vector<Failure> failures_;
};

}  // namespace bitnet::inline BITNET_ABI
