/// Sections of a report that are read: sample texts, the table of tensors, notes, configuration.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/section.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

/// "256 x 512".
inline std::string shape_text(const Json& tensor) {
    std::string out;
    for (const Json& extent : find_items(tensor, {"shape"})) (out += out.empty() ? "" : " \u00d7 ") += value_text(extent);
    return out;
}

inline void add_tensor(Markup& out, const Json& tensor) {
    const auto cell = [&](std::string_view text) { out.element("td", text); };
    const auto number = [&](Keys keys, auto text) {
        const auto value = find_number(tensor, keys);
        cell(value ? text(*value) : std::string());
    };
    std::string role = find_text(tensor, {"role"});
    std::ranges::replace(role, '_', ' ');
    out.open("tr");
    cell(find_text(tensor, {"name"})), cell(role), cell(find_text(tensor, {"treatment"})), cell(shape_text(tensor));
    number({"bits_per_weight"}, [](double x) { return fixed(x, 2); });
    number({"stored_bytes"}, [](double x) { return fixed(x, 0); });
    number({"distortion", "zeros"}, [](double x) { return percent(x, 1); });
    number({"distortion", "relative_error"}, [](double x) { return fixed(x, 4); });
    number({"distortion", "sqnr_db"}, [](double x) { return fixed(x, 2); });
    number({"distortion", "cosine"}, [](double x) { return fixed(x, 4); });
    out.close().verbatim("\n");
}

/// Where notes and warnings stand besides the tensors' own.
inline std::vector<std::string> notes_of(const Json& record) {
    std::vector<std::string> out;
    const auto take = [&](const Json* value) {
        if (value != nullptr && value->is_string() && !value->as_string().empty()) out.push_back(value->as_string());
        if (value == nullptr || !value->is_array()) return;
        for (const Json& note : value->as_array())
            if (note.is_string() && !note.as_string().empty()) out.push_back(note.as_string());
    };
    for (const std::string_view key : {"warning", "warnings", "notes"}) {
        take(find_value(record, {key}));
        take(find_value(record, {"fine_tuning", key}));
        for (const std::string_view part : {"dataset", "calibration", "training"}) take(find_value(record, {"fine_tuning", part, key}));
    }
    for (const Json& tensor : find_items(record, {"tensors"}))
        if (const std::string note = find_text(tensor, {"note"}); !note.empty()) out.push_back(find_text(tensor, {"name"}) + ": " + note);
    return out;
}

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Members that are no array, those of objects inside as "a.b".
inline void collect(Facts& out, const std::string& before, const Json& value, bool with_objects) {
    if (!value.is_object()) return;
    for (const auto& [key, member] : value.as_object()) {
        if (member.is_object() && with_objects) collect(out, before + key + ".", member, true);
        if (!member.is_object() && !member.is_array()) out.emplace_back(before + key, value_text(member));
    }
}

inline void add_facts(Markup& out, std::string_view title, const Facts& facts) {
    if (facts.empty()) return;
    out.open("section").element("h3", title);
    open_table(out, title, {"key", "value"}, "facts");
    for (const auto& [key, value] : facts) out.open("tr").element("td", key).element("td", value).close();
    close_table(out).close();
}

}  // namespace detail

/// What both models say to the same prompts.
inline Section sample_section(const Json& record) {
    Section out{.id = "samples", .title = "Sample texts"};
    for (const Json& row : find_items(record, {"samples"})) {
        const std::string prompt = find_text(row, {"prompt"}), original = find_text(row, {"original"}), compressed = find_text(row, {"compressed"});
        if (original.empty() && compressed.empty()) continue;
        out.body.open("article", {{"class", "sample"}}).element("h3", prompt.empty() ? "without a prompt" : prompt).open("div", {{"class", "pair"}});
        out.body.open("div").element("h4", "original").element("p", original).close();
        out.body.open("div").element("h4", "compressed").element("p", compressed).close().close().close();
    }
    return out;
}

/// Every tensor with what became of it.
inline Section tensor_section(const Json& record) {
    Section out{.id = "tensors", .title = "All tensors"};
    const Json::Array& tensors = record.at("tensors", "record").as_array("tensors");
    if (tensors.empty()) return out;
    open_table(out.body, out.title, {"tensor", "role", "kept as", "shape", "bits", "bytes", "zeros", "rel. error", "SQNR dB", "cosine"},
               "tensors right5");
    for (const Json& tensor : tensors) detail::add_tensor(out.body, tensor);
    close_table(out.body);
    return out;
}

/// What is not as one would expect.
inline Section note_section(const Json& record) {
    Section out{.id = "notes", .title = "Notes and warnings"};
    const std::vector<std::string> notes = detail::notes_of(record);
    if (notes.empty()) return out;
    out.body.open("ul", {{"class", "notes"}});
    for (const std::string& note : notes) out.body.element("li", note);
    out.body.close();
    return out;
}

/// Everything that says how the run was made.
inline Section configuration_section(const Json& record) {
    Section out{.id = "configuration", .title = "Configuration"};
    detail::Facts run, policies, config, learning;
    constexpr std::array<std::string_view, 9> shown{"compression_ratio", "sparsity_ratio",    "total_params", "quantized_params", "original_bytes",
                                                    "quantized_bytes",   "dequantized_bytes", "warning",      "warnings"};
    detail::collect(run, "", record, false);
    std::erase_if(run, [&](const auto& fact) { return std::ranges::find(shown, fact.first) != shown.end(); });
    if (const Json* found = find_value(record, {"policies"})) detail::collect(policies, "", *found, true);
    if (const Json* found = find_value(record, {"config"})) detail::collect(config, "", *found, true);
    if (const Json* found = find_value(record, {"fine_tuning"})) detail::collect(learning, "", *found, true);
    Markup tables;
    detail::add_facts(tables, "Run", run);
    detail::add_facts(tables, "Policies", policies);
    detail::add_facts(tables, "Calibration and learning", learning);
    detail::add_facts(tables, "Knobs", config);
    if (!tables.is_empty()) out.body.open("div", {{"class", "fact-tables"}}).add(tables).close();
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
