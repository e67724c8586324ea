/// What our own sinks ask of every record, and numbers that JSON has no word for.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/metrics/metric_sink.hpp>

namespace bitnet::inline BITNET_ABI {

namespace detail {

/// Readers drop the rest of a file, or more, at a string that is not UTF-8.
inline void check_utf8(std::string_view text, std::string_view what) {
    if (!simdjson::validate_utf8(text.data(), text.size()))
        throw error(errc::bad_value, message(what, ": must be UTF-8, found ", quote(text)));
}

inline void check_time(double time, std::string_view what) {
    if (!is_finite(time) || time < 0 || time >= 1e10)
        throw error(errc::bad_value, message(what, ": a time of ", time, " s since 1970 is outside [0, 1e10)"));
}

inline void check_named(std::string_view name, std::int64_t step, double wall_time) {
    if (name.empty()) throw error(errc::bad_value, "a metric without a name");
    check_utf8(name, "name of a metric");
    if (step < 0) throw error(errc::bad_value, message(name, ": step = ", step, " is below 0"));
    check_time(wall_time, name);
}

}  // namespace detail

/// errc::bad_value, naming the metric, unless the record is as its docstring says.
inline void check_record(const MetricRun& run) {
    detail::check_utf8(run.id, "id of a run");
    detail::check_utf8(run.project, "project of a run");
    detail::check_time(run.start_time, "start of a run");
    run.config.as_object("configuration of a run");
}
inline void check_record(const MetricPoint& point) { detail::check_named(point.name, point.step, point.wall_time); }
inline void check_record(const MetricText& text) {
    detail::check_named(text.name, text.step, text.wall_time);
    detail::check_utf8(text.text, text.name);
}
inline void check_record(const MetricEnd& end) {
    detail::check_time(end.wall_time, "end of a run");
    for (const auto& [name, value] : end.summary) detail::check_named(name, 0, 0);
    if (const auto twice = detail::repeated_key(end.summary))
        throw error(errc::bad_value, message("summary of a run: repeated name ", detail::quote(*twice)));
}

/// "nan", "inf" or "-inf" of a number that is not finite.
constexpr std::string_view not_finite_text(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);  // comparisons mean nothing under -ffast-math
    if ((bits & 0xf'ffff'ffff'ffffu) != 0) return "nan";
    return bits >> 63 != 0 ? "-inf" : "inf";
}

/// The value with "nan", "inf" or "-inf" in the place of each number that is not finite, however deep.
inline Json finite_json(const Json& value) {
    if (value.is_array()) {
        Json out = Json::array();
        for (const Json& item : value.as_array()) out.push_back(finite_json(item));
        return out;
    }
    if (value.is_object()) {
        Json::Object out;
        for (const auto& [key, member] : value.as_object()) out.emplace_back(key, finite_json(member));
        return Json::object(std::move(out));
    }
    if (value.is_number() && !value.is_integer() && !is_finite(value.as_double()))
        return not_finite_text(value.as_double());
    return value;
}

}  // namespace bitnet::inline BITNET_ABI
