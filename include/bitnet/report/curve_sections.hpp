/// Sections of a report with curves: perplexity against bits, learning, weights before and after.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/axis.hpp>
#include <bitnet/report/bar_chart.hpp>
#include <bitnet/report/line_chart.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/section.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

/// Something that was tried: `name` is empty for a round of --degradation.
struct Attempt {
    std::string name{};
    std::optional<double> bits{}, perplexity{}, ratio{}, divergence{}, seconds{};
    bool kept = false;
};

/// Rungs, or else rounds: those say how perplexity rises, and `before` is what it rises from.
inline std::vector<Attempt> attempts_of(const Json& record) {
    std::vector<Attempt> out;
    const auto kept = [](const Json& row) { return find_flag(row, {"kept"}).value_or(false); };
    for (const Json& row : find_items(record, {"rungs"}))
        out.push_back({.name = find_text(row, {"name"}),
                       .bits = find_number(row, {"bits_per_weight"}),
                       .perplexity = find_number(row, {"perplexity"}),
                       .ratio = find_number(row, {"ratio"}),
                       .divergence = {},
                       .seconds = find_number(row, {"seconds"}),
                       .kept = kept(row)});
    const auto before = perplexity_before(record);
    for (const Json& row : find_items(record, {"fine_tuning", "calibration", "rounds"})) {
        if (find_value(record, {"rungs"}) != nullptr || !before) break;
        const auto rise = find_number(row, {"rise"});
        out.push_back({.name = {},
                       .bits = find_number(row, {"bits"}),
                       .perplexity = rise ? std::optional((1 + *rise) * *before) : std::nullopt,
                       .ratio = {},
                       .divergence = find_number(row, {"kl"}),
                       .seconds = {},
                       .kept = kept(row)});
    }
    std::erase_if(out, [](const Attempt& one) { return !one.bits && !one.perplexity; });
    return out;
}

inline void add_attempts(Markup& out, const std::vector<Attempt>& attempts) {
    const auto any = [&](auto member) { return std::ranges::any_of(attempts, [&](const Attempt& one) { return bool(one.*member); }); };
    const bool ratios = any(&Attempt::ratio), divergences = any(&Attempt::divergence), times = any(&Attempt::seconds);
    out.open("div", {{"class", "box"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", "What was tried"}})
        .open("table", {{"class", "right2"}})
        .open("thead")
        .open("tr");
    const auto head = [&](std::string_view text, bool shown = true) { shown ? void(out.element("th", text, {{"scope", "col"}})) : void(); };
    head("tried"), head("bits"), head("perplexity"), head("ratio", ratios), head("divergence", divergences), head("time", times), head("kept");
    out.close().close().open("tbody");
    for (std::size_t i = 0; i < attempts.size(); ++i) {
        const Attempt& one = attempts[i];
        const auto cell = [&](const std::optional<double>& value, auto text, bool shown = true) {
            if (shown) out.element("td", value ? text(*value) : std::string());
        };
        const auto digits = [](double value) { return significant(value, 4); };
        out.open("tr").element("td", one.name.empty() ? message("round ", i + 1) : one.name);
        cell(one.bits, [](double x) { return fixed(x, 2); }), cell(one.perplexity, digits),
            cell(
                one.ratio, [](double x) { return significant(x) + "x"; }, ratios);
        cell(one.divergence, digits, divergences), cell(one.seconds, seconds_text, times);
        out.element("td", one.kept ? "\u2713" : "").close();
    }
    out.close().close().close();
}

/// Points of a history that has `key`; a step of no tokens has learned nothing, and so has no loss.
inline ChartSeries history_series(const Json& record, std::string_view key, std::string_view name) {
    ChartSeries out{.name = std::string(name)};
    for (const Json& row : find_items(record, {"fine_tuning", "training", "history"})) {
        const auto step = find_number(row, {"step"}), value = find_number(row, {key});
        if (key == "loss" && find_number(row, {"tokens"}) == 0.0) continue;
        if (step && value && has_place(*value, Scaling::linear)) out.points.push_back({*step, *value});
    }
    return out;
}

}  // namespace detail

/// What was tried to spend bits on, as points and as a table.
inline Section bits_section(const Json& record) {
    Section out{.id = "bits", .title = "Perplexity against bits"};
    const std::vector<detail::Attempt> attempts = detail::attempts_of(record);
    if (attempts.empty()) return out;
    ChartSeries points{.name = "tried", .connected = false};
    for (const detail::Attempt& one : attempts)
        if (one.bits && one.perplexity && has_place(*one.bits, Scaling::linear) && has_place(*one.perplexity, Scaling::logarithmic))
            points.points.push_back({*one.bits, *one.perplexity, one.name, one.kept});
    out.body.open("div", {{"class", "charts"}});
    if (!points.points.empty())
        out.body.add(figure_of("Less of both is better", drawing_of(LineChart{.title = "perplexity against bits a weight",
                                                                              .x_title = "bits a weight",
                                                                              .y_title = "perplexity",
                                                                              .y = Scaling::logarithmic,
                                                                              .series = {std::move(points)},
                                                                              .level = perplexity_before(record),
                                                                              .level_name = "the original"})));
    detail::add_attempts(out.body, attempts);
    out.body.close();
    return out;
}

/// Loss and perplexity over the steps of learning, where there is more than one point of them, and what else happened.
inline Section learning_section(const Json& record) {
    Section out{.id = "learning", .title = "Learning"};
    ChartSeries loss = detail::history_series(record, "loss", "loss"), perplexity = detail::history_series(record, "perplexity", "perplexity");
    std::vector<std::string> events;
    for (const Json& row : find_items(record, {"fine_tuning", "training", "history"}))
        if (const std::string event = find_text(row, {"event"}); !event.empty() && event != "best" && event != "start")
            events.push_back(message("step ", fixed(find_number(row, {"step"}).value_or(0), 0), ": ", event));
    Markup curves;
    if (loss.points.size() > 1)
        curves.add(
            figure_of("Loss", drawing_of(LineChart{.title = "loss over steps", .x_title = "step", .y_title = "loss", .series = {std::move(loss)}})));
    if (perplexity.points.size() > 1)
        curves.add(figure_of("Perplexity", drawing_of(LineChart{.title = "perplexity over steps",
                                                                .x_title = "step",
                                                                .y_title = "perplexity",
                                                                .y = Scaling::logarithmic,
                                                                .series = {std::move(perplexity)},
                                                                .level = perplexity_before(record),
                                                                .level_name = "the original"})));
    if (!curves.is_empty()) out.body.open("div", {{"class", "charts"}}).add(curves).close();
    if (events.empty()) return out;
    out.body.open("ul");
    for (const std::string& event : events) out.body.element("li", event);
    out.body.close();
    return out;
}

/// Weights before and after, at most `most` of them.
inline Section histogram_section(const Json& record, std::size_t most = 60) {
    Section out{.id = "histograms", .title = "Weights before and after"};
    std::size_t shown = 0, further = 0;
    Markup figures;
    for (const Json& row : find_items(record, {"histograms"})) {
        const std::string name = find_text(row, {"name"});
        const Histograms both{.title = "weights of " + name,
                              .edges = find_numbers(row, {"edges"}),
                              .before = find_numbers(row, {"before"}),
                              .after = find_numbers(row, {"after"})};
        if (!is_drawable(both)) continue;
        if (shown == most)
            ++further;
        else
            figures.add(figure_of(name, drawing_of(both))), ++shown;
    }
    if (shown == 0) return out;
    out.body.open("div", {{"class", "charts"}}).add(figures).close();
    if (further > 0) out.body.element("p", message("The record has ", further, " more."), {{"class", "note"}});
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
