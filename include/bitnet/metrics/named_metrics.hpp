/// Structs whose members are metrics, each with its name: what was measured becomes points, texts and a summary.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <bitnet/config/abi.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/metric_sink.hpp>

namespace bitnet::inline BITNET_ABI {

/// A member that is a metric: a number, a flag or a text, or nothing where it was not measured.
template <class Record, class Value>
struct NamedMetric {
    std::string_view name;
    std::optional<Value> Record::* member;
};
template <class Record, class Value>
NamedMetric(std::string_view, std::optional<Value> Record::*) -> NamedMetric<Record, Value>;

/// A struct with `metrics`, a tuple of NamedMetrics. Where it also has `group()`, that text stands before each name.
template <class Record>
concept NamedMetrics = requires { std::tuple_size<std::remove_cvref_t<decltype(Record::metrics)>>::value; };

namespace detail {
template <class Record>
std::string metric_group(const Record& record) {
    if constexpr (requires { { record.group() } -> std::convertible_to<std::string>; })
        return record.group();
    else
        return {};
}
}  // namespace detail

/// Every name that such a record can tell, without the group, in its order.
template <NamedMetrics Record>
std::vector<std::string_view> metric_names() {
    return std::apply([](const auto&... metric) { return std::vector<std::string_view>{metric.name...}; }, Record::metrics);
}

/// What was measured, in the order of the struct: flags are flags. The summary of a run takes it as it is.
template <NamedMetrics Record>
Json::Object metrics_of(const Record& record) {
    Json::Object out;
    const std::string group = detail::metric_group(record);
    const auto add = [&](const auto& metric) {
        if (const auto& value = record.*metric.member) out.emplace_back(group + std::string(metric.name), Json(*value));
    };
    std::apply([&](const auto&... metric) { (add(metric), ...); }, Record::metrics);
    return out;
}

/// The numbers and flags that were measured; a flag is 1 or 0.  step >= 0; wall_time: seconds since 1970, in [0, 1e10)
template <NamedMetrics Record>
std::vector<MetricPoint> points_of(const Record& record, std::int64_t step, double wall_time) {
    std::vector<MetricPoint> out;
    for (auto& [name, value] : metrics_of(record))
        if (value.is_number() || value.is_bool())
            out.push_back({.name = name, .step = step, .value = value.is_bool() ? (value.as_bool() ? 1.0 : 0.0) : value.as_double(), .wall_time = wall_time});
    return out;
}

/// Tells a sink what was measured: numbers and flags as points, texts as texts.
/// Errors  those of the sink
template <MetricSink Sink, NamedMetrics Record>
void log_metrics(Sink& sink, const Record& record, std::int64_t step, double wall_time) {
    for (const MetricPoint& point : points_of(record, step, wall_time)) sink.point(point);
    for (const auto& [name, value] : metrics_of(record))
        if (value.is_string()) sink.text({.name = name, .step = step, .text = value.as_string(), .wall_time = wall_time});
}

}  // namespace bitnet::inline BITNET_ABI
