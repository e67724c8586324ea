/// Sections of a report that say whether a model is good, and how small it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>
#include <bitnet/report/markup.hpp>
#include <bitnet/report/numbers.hpp>
#include <bitnet/report/record.hpp>
#include <bitnet/report/section.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

/// The class of a gate's state, and its sign: not by colour alone.
struct GateLook {
    std::string_view kind, sign;
};
inline GateLook look_of(std::string_view state) {
    if (state == "passed") return {"passed", "\u2713"};
    if (state == "failed") return {"failed", "\u2717"};
    if (state == "warning") return {"warning", "!"};
    return {"unmeasured", "\u2013"};
}

inline void add_state(Markup& out, std::string_view state) {
    const GateLook look = look_of(state);
    out.open("span", {{"class", message("state ", look.kind)}}).element("span", look.sign, {{"class", "sign"}, {"aria-hidden", "true"}});
    out.words(" ").words(state).close();
}

/// What the gates say together, where the record has no verdict of its own.
inline std::string sentence_of(const Json::Array& gates, std::string_view& state) {
    const auto count = [&](std::string_view wanted) {
        return std::ranges::count_if(gates, [&](const Json& gate) { return find_text(gate, {"state"}) == wanted; });
    };
    const auto failed = count("failed"), passed = count("passed"), warnings = count("warning"), all = std::ssize(gates);
    state = failed > 0 ? "failed" : passed == 0 ? "not measured" : warnings > 0 ? "warning" : "passed";
    const auto gates_text = [](auto n) { return message(n, n == 1 ? " gate" : " gates"); };
    if (failed > 0) return message(failed, " of ", gates_text(all), " failed");
    if (passed == 0) return "no gate was measured";
    const auto open = all - passed - warnings;
    return message("no gate failed: ", passed, " of ", gates_text(all), " passed",
                   warnings > 0 ? message(", ", warnings, warnings == 1 ? " warns" : " warn") : "",
                   open > 0 ? message(", ", open, open == 1 ? " was not measured" : " were not measured") : "");
}

/// What the record's verdict and its gates come to. A model of which nothing but sizes was measured has not passed.
inline std::string_view verdict_state(const Json& record) {
    const Json::Array& gates = find_items(record, {"gates"});
    std::string_view state;
    sentence_of(gates, state);
    const bool blind = std::ranges::any_of(gates, [](const Json& gate) {
        return find_text(gate, {"name"}) == "perplexity_degradation" && find_text(gate, {"state"}) == "not measured";
    });
    const auto passed = find_flag(record, {"verdict", "passed"});
    if (passed == false || (!passed && state == "failed")) return "failed";
    return blind ? "not measured" : passed ? "passed" : state;
}

/// A fact in large letters, its name above and what belongs to it below.
inline void add_tile(Markup& out, std::string_view name, std::string_view value, std::string_view note = "") {
    out.open("div").element("dt", name).open("dd").element("strong", value);
    if (!note.empty()) out.words(" ").element("span", note);
    out.close().close().verbatim("\n");
}

inline void add_size_tiles(Markup& out, const Json& record) {
    const auto original = find_number(record, {"original_bytes"}), packed = find_number(record, {"quantized_bytes"});
    const auto parameters = find_number(record, {"total_params"}), ternary = find_number(record, {"quantized_params"});
    const double ratio = record.at("compression_ratio", "record").as_double("compression_ratio");
    if (ratio > 0) add_tile(out, "Compression ratio", significant(ratio) + "x", "of what FP32 takes");
    if (packed && *packed > 0) add_tile(out, "Packed model", bytes_text(*packed), original ? message("of ", bytes_text(*original), " at FP32") : "");
    if (const auto bytes = find_number(record, {"dequantized_bytes"}); bytes && *bytes > 0)
        add_tile(out, "FP16 model", bytes_text(*bytes), "to train on");
    double stored = 0, weights = 0;
    for (const Json& tensor : record.at("tensors", "record").as_array("tensors")) {
        const auto bytes = find_number(tensor, {"stored_bytes"}), bits = find_number(tensor, {"bits_per_weight"});
        if (find_text(tensor, {"treatment"}) == "ternary" && bytes && bits && *bits > 0) stored += 8 * *bytes, weights += 8 * *bytes / *bits;
    }
    const std::string whole =
        packed && parameters && *packed > 0 && *parameters > 0 ? significant(8 * *packed / *parameters) + " a parameter of the whole file" : "";
    if (weights > 0) add_tile(out, "Bits a ternary weight", significant(stored / weights), whole);
    if (ternary && parameters && *parameters > 0)
        add_tile(out, "Parameters", fixed(*parameters, 0), percent(*ternary / *parameters, 1) + " of them ternary");
    if (const auto zeros = find_number(record, {"sparsity_ratio"}); zeros && weights > 0)
        add_tile(out, "Zeros", percent(*zeros, 1), "of the ternary codes");
}

inline std::string rise_text(double before, double after) {
    const double rise = after / before - 1;
    return message(rise < 0 ? "" : "+", percent(rise, 1));
}

inline void add_quality_tiles(Markup& out, const Json& record) {
    const auto before = perplexity_before(record), after = perplexity_after(record);
    const auto change = [](const std::optional<double>& from, double to) {
        return from && *from > 0 ? message("before: ", significant(*from, 4), ", ", rise_text(*from, to)) : std::string();
    };
    if (after)
        add_tile(out, "Perplexity", significant(*after, 4), change(before, *after));
    else if (before)
        add_tile(out, "Perplexity before", significant(*before, 4));
    const auto share = [&](std::string_view key, std::string_view name, std::string_view note) {
        if (const auto value = find_number(record, {"agreement", key})) add_tile(out, name, percent(*value), note);
    };
    if (const auto nats = find_number(record, {"agreement", "mean_divergence"}))
        add_tile(out, "Divergence", significant(*nats), "nats a token from the original's predictions");
    share("top1_agreement", "Same first choice", "of tokens, as the original's");
    const auto right = find_number(record, {"agreement", "reference_accuracy"}), now = find_number(record, {"agreement", "other_accuracy"});
    if (now) add_tile(out, "Next token right", percent(*now), right ? "before: " + percent(*right) : "");
    share("dequantization_accuracy", "Packed against FP16", "agreement of logits");
    share("int8_accuracy", "With int8 activations", "agreement of logits");
    const std::string name = find_text(record, {"out_of_domain", "name"}), elsewhere = name.empty() ? "other text" : name;
    if (const auto there = find_number(record, {"out_of_domain", "post_perplexity"}))
        add_tile(out, "Perplexity on " + elsewhere, significant(*there, 4), change(find_number(record, {"out_of_domain", "pre_perplexity"}), *there));
    if (const auto nats = find_number(record, {"out_of_domain", "mean_divergence"}))
        add_tile(out, "Divergence on " + elsewhere, significant(*nats), "nats a token");
    const auto slow = find_number(record, {"speed", "original_tokens_per_second"}), fast = find_number(record, {"speed", "packed_tokens_per_second"});
    if (fast)
        add_tile(out, "Tokens a second", significant(*fast),
                 slow && *slow > 0 ? message("before: ", significant(*slow), ", ", significant(*fast / *slow), "x") : "");
}

}  // namespace detail

/// The verdict in large letters, then every gate with its sentence. Nothing where the record has neither.
inline Section verdict_section(const Json& record) {
    Section out{.id = "verdict", .title = "Verdict"};
    const Json::Array& gates = find_items(record, {"gates"});
    const auto passed = find_flag(record, {"verdict", "passed"});
    if (!passed && gates.empty()) return out;
    const std::string_view state = detail::verdict_state(record);
    std::string_view counted;
    const std::string sentence = passed ? find_text(record, {"verdict", "sentence"}) : detail::sentence_of(gates, counted);
    out.body.open("p", {{"class", message("verdict ", detail::look_of(state).kind)}});
    detail::add_state(out.body, state);
    out.body.element("span", sentence, {{"class", "sentence"}}).close();
    if (gates.empty()) return out;
    out.body.open("ul", {{"class", "gates"}});
    for (const Json& gate : gates) {
        std::string name = find_text(gate, {"name"});
        std::ranges::replace(name, '_', ' ');
        const std::string found = find_text(gate, {"state"});
        out.body.open("li");
        detail::add_state(out.body, found.empty() ? "not measured" : found);
        out.body.element("strong", name).element("span", find_text(gate, {"sentence"}), {{"class", "sentence"}}).close();
    }
    out.body.close();
    return out;
}

/// Figures of size and of quality, side by side.
inline Section glance_section(const Json& record) {
    Section out{.id = "glance", .title = "Size and quality"};
    Markup tiles;
    detail::add_size_tiles(tiles, record);
    detail::add_quality_tiles(tiles, record);
    if (!tiles.is_empty()) out.body.open("dl", {{"class", "tiles"}}).add(tiles).close();
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
