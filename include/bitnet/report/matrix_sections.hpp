/// Sections of a report about matrices and layers: zeros, errors, seconds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/axis.hpp>
#include <bitnet/report/bar_chart.hpp>
#include <bitnet/report/heat_map.hpp>
#include <bitnet/report/line_chart.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/section.hpp>
#include <bitnet/report/tensor_place.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

inline void add_heat_map(Markup& out, const Json& record, std::string_view key, std::string_view title, std::string_view colour) {
    HeatMap map{.title = std::string(title), .colour = std::string(colour)};
    for (const Json& tensor : record.at("tensors", "record").as_array("tensors"))
        if (const auto value = find_number(tensor, {"distortion", key})) map.cells.push_back({find_text(tensor, {"name"}), *value});
    if (colour == "zeros") {
        map.text = [](double value) { return percent(value); };
        map.short_text = [](double value) { return fixed(100 * value, 0); };
    } else {
        map.short_text = [](double value) { return fixed(value, 2); };
    }
    if (colour == "error" && !map.cells.empty() && std::ranges::all_of(map.cells, [](const HeatCell& cell) { return cell.value == 0; })) {
        out.element("p", "Every matrix was ternary before it was packed: packing changed no weight.", {{"class", "note"}});
        return;
    }
    const auto [drawing, left_out] = drawing_of(map);
    if (drawing.is_empty()) return;
    out.add(figure_of(title, drawing, left_out == 0 ? "" : message(left_out, " tensors of further matrices are in the table of all tensors alone.")));
}

struct OutputError {
    TensorPlace place{};
    std::string name{};
    double fitted = 0, plain = 0;
};

inline std::vector<OutputError> output_errors(const Json& record) {
    std::vector<OutputError> out;
    for (const Json& row : find_items(record, {"fine_tuning", "calibration", "matrices"})) {
        const auto fitted = find_number(row, {"output_error"}), plain = find_number(row, {"plain_error"});
        const std::string name = find_text(row, {"name"});
        if (fitted && plain && has_place(*fitted, Scaling::linear) && has_place(*plain, Scaling::linear))
            out.push_back({place_of(name), name, *fitted, *plain});
    }
    return out;
}

/// "Layer 3", "decoder.block, layer 3" where layers have several prefixes, or that it is in none.
inline std::string layer_name(const TensorPlace& place, bool with_prefix) {
    if (!place.layer) return "Outside of the layers";
    return with_prefix && !place.prefix.empty() ? message(place.prefix, ", layer ", *place.layer) : message("Layer ", *place.layer);
}

/// A figure of lying bars for each layer, all on one scale.
inline void add_errors_by_layer(Markup& out, const std::vector<OutputError>& errors) {
    std::vector<std::pair<std::string, std::vector<Bar>>> layers;
    const bool prefixes = std::ranges::any_of(errors, [&](const OutputError& one) { return one.place.prefix != errors.front().place.prefix; });
    double most = 0;
    for (const OutputError& one : errors) {
        const std::string layer = layer_name(one.place, prefixes);
        auto found = std::ranges::find(layers, layer, &std::pair<std::string, std::vector<Bar>>::first);
        if (found == layers.end()) found = layers.insert(layers.end(), {layer, {}});
        found->second.push_back({one.place.matrix, {one.plain, one.fitted}});
        most = std::max({most, one.plain, one.fitted});
    }
    for (auto& [layer, bars] : layers)
        out.add(figure_of(layer, lying_bars({.title = "output error in " + layer,
                                             .x_title = {},
                                             .y_title = {},
                                             .series = {"plain rounding", "calibrated"},
                                             .bars = std::move(bars),
                                             .full = most})));
}

/// Few matrices have bars of their own; of many, each is a point.
inline void add_error_points(Markup& out, const std::vector<OutputError>& errors) {
    ChartSeries points{.name = "matrix", .connected = false};
    for (const OutputError& one : errors) points.points.push_back({one.plain, one.fitted, one.name});
    out.add(figure_of("Each matrix is a point; below the line, calibration made it better",
                      drawing_of(LineChart{.title = "output error of calibrated matrices against plain rounding",
                                           .x_title = "output error of plain rounding",
                                           .y_title = "calibrated",
                                           .x = Scaling::logarithmic,
                                           .y = Scaling::logarithmic,
                                           .series = {std::move(points)},
                                           .diagonal = true})));
}

/// Seconds by layer; the layers in order, what is in none at the end.
struct LayerSeconds {
    double calibration = 0, rounding = 0;
};
inline std::map<std::pair<bool, std::uint64_t>, LayerSeconds> layer_seconds(const Json& record) {
    std::map<std::pair<bool, std::uint64_t>, LayerSeconds> out;
    const auto add = [&](const Json::Array& rows, double LayerSeconds::*member) {
        for (const Json& row : rows) {
            const auto seconds = find_number(row, {"seconds"});
            const auto layer = place_of(find_text(row, {"name"})).layer;
            if (seconds && has_place(*seconds, Scaling::linear)) out[{!layer, layer.value_or(0)}].*member += *seconds;
        }
    };
    add(find_items(record, {"fine_tuning", "calibration", "matrices"}), &LayerSeconds::calibration);
    add(find_items(record, {"tensors"}), &LayerSeconds::rounding);
    return out;
}

inline void add_layer_seconds(Markup& out, const Json& record) {
    const auto layers = layer_seconds(record);
    double most = 0, calibration = 0;
    for (const auto& [layer, seconds] : layers) most = std::max(most, seconds.calibration + seconds.rounding), calibration += seconds.calibration;
    if (!(most > 0)) return;
    const double scale = most >= 1 ? 1 : most >= 1e-3 ? 1e3 : 1e6;
    BarChart chart{.title = "seconds for each layer",
                   .x_title = "layer",
                   .y_title = scale == 1     ? "seconds"
                              : scale == 1e3 ? "milliseconds"
                                             : "microseconds"};
    chart.text = [scale](double value) { return seconds_text(value / scale); };
    if (calibration > 0) chart.series = {"calibration", "rounding and writing"};
    for (const auto& [layer, seconds] : layers) {
        Bar bar{.name = layer.first ? "other" : std::to_string(layer.second)};
        if (calibration > 0) bar.values.push_back(seconds.calibration * scale);
        bar.values.push_back(seconds.rounding * scale);
        chart.bars.push_back(std::move(bar));
    }
    out.add(figure_of("By layer", upright_bars(chart)));
}

}  // namespace detail

/// Layer by matrix: the share of zeros, and the relative error, a cell for each ternary tensor.
inline Section heat_section(const Json& record) {
    Section out{.id = "matrices", .title = "Zeros and error of each matrix"};
    Markup maps;
    detail::add_heat_map(maps, record, "zeros", "Share of zeros, in per cent", "zeros");
    detail::add_heat_map(maps, record, "relative_error", "Relative error of the weights", "error");
    if (!maps.is_empty()) out.body.open("div", {{"class", "maps"}}).add(maps).close();
    return out;
}

/// What calibration leaves of the error that plain rounding makes.
inline Section output_error_section(const Json& record) {
    Section out{.id = "errors", .title = "Output error against plain rounding"};
    const std::vector<detail::OutputError> errors = detail::output_errors(record);
    if (errors.empty()) return out;
    double logs = 0, counted = 0;
    for (const auto& one : errors)
        if (one.fitted > 0 && one.plain > 0) logs += std::log(one.fitted / one.plain), ++counted;
    if (counted > 0)
        out.body.element("p", message("Of the error that plain rounding makes in a layer's outputs, calibration leaves ",
                                      percent(std::exp(logs / counted), 1), " on average (geometric mean)."));
    out.body.open("div", {{"class", "charts"}});
    errors.size() <= 48 ? detail::add_errors_by_layer(out.body, errors) : detail::add_error_points(out.body, errors);
    out.body.close();
    return out;
}

/// Seconds by layer and by stage.
inline Section time_section(const Json& record) {
    Section out{.id = "time", .title = "Time"};
    Markup charts;
    detail::add_layer_seconds(charts, record);
    BarChart stages{.title = "seconds for each stage", .series = {""}, .text = seconds_text};
    if (const Json* timing = find_value(record, {"timing"}); timing != nullptr && timing->is_object())
        for (const auto& [stage, seconds] : timing->as_object())
            if (seconds.is_number() && stages.bars.size() < 40) stages.bars.push_back({stage, {seconds.as_double()}});
    if (!stages.bars.empty()) charts.add(figure_of("By stage", lying_bars(stages)));
    if (!charts.is_empty()) out.body.open("div", {{"class", "charts"}}).add(charts).close();
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
