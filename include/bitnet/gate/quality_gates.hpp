/// What a compressed model must be able to do before anybody is told that it is good.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/is_finite.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet::inline BITNET_ABI {

/// What is asked for. Shares are in [0, 1].
struct GateLimits {
    double max_degradation = 0.10;               ///< (perplexity - the original's) / the original's
    double min_dequantization_accuracy = 0.995;  ///< see Agreement::logit_accuracy: packed against dequantized
    double min_compression_ratio = 8;            ///< FP32 bytes over bytes on disk
    double min_quantized_share = 0.85;           ///< of the parameters
    double min_sparsity = 0.25, max_sparsity = 0.45;  ///< zeros among codes; a warning only
};

/// What was measured; nothing where it could not be.
struct GateFigures {
    std::optional<double> degradation{}, dequantization_accuracy{}, compression_ratio{}, quantized_share{}, sparsity{};
    std::optional<std::string> gradient_fault{};  ///< of GradientFlow::error(): empty when it passed
    bool gradients_compared = true;               ///< with differences, not only found to be there
};

/// One gate.
struct GateResult {
    enum class State { passed, failed, not_measured, warning };
    std::string name{};
    State state = State::not_measured;
    std::optional<double> measured{}, required{};
    std::string sentence{};  ///< measured and required, for people
    bool operator==(const GateResult&) const = default;
};

constexpr std::string_view to_string(GateResult::State state) noexcept {
    switch (state) {
        case GateResult::State::passed: return "passed";
        case GateResult::State::failed: return "failed";
        case GateResult::State::not_measured: return "not measured";
        case GateResult::State::warning: return "warning";
    }
    return "failed";
}

namespace detail {

enum class Bound { at_most, at_least };
enum class Unit { share, times };

inline std::string in_unit(double value, Unit unit) {
    char text[64];
    std::snprintf(text, sizeof text, unit == Unit::share ? "%.2f %%" : "%.2fx", unit == Unit::share ? 100 * value : value);
    return text;
}

/// What is not finite passes nothing.
inline GateResult gate(std::string_view name, std::string_view what, const std::optional<double>& measured, Bound bound, double required, Unit unit) {
    GateResult out{.name = std::string(name), .measured = measured, .required = required};
    const std::string wanted = message(bound == Bound::at_most ? "at most " : "at least ", in_unit(required, unit));
    if (!measured) {
        out.sentence = message(what, " was not measured; ", wanted, " is asked for");
        return out;
    }
    const bool holds = is_finite(*measured) && (bound == Bound::at_most ? *measured <= required : *measured >= required);
    out.state = holds ? GateResult::State::passed : GateResult::State::failed;
    out.sentence = message(what, " is ", in_unit(*measured, unit), ", ", wanted, " is asked for");
    return out;
}

}  // namespace detail

/// Every gate, in a fixed order, measured or not. Sparsity only warns.
inline std::vector<GateResult> check_gates(const GateFigures& figures, const GateLimits& limits) {
    using detail::Bound, detail::Unit;
    std::vector<GateResult> out;
    out.push_back(detail::gate("perplexity_degradation", "the rise of perplexity", figures.degradation, Bound::at_most, limits.max_degradation, Unit::share));
    GateResult flow{.name = "gradient_flow", .sentence = "the flow of gradients was not measured"};
    if (figures.gradient_fault) {
        flow.state = figures.gradient_fault->empty() ? GateResult::State::passed : GateResult::State::failed;
        flow.sentence = !figures.gradient_fault->empty()  ? *figures.gradient_fault
                        : figures.gradients_compared ? "every tensor gets a gradient that differences confirm"
                                                     : "every tensor gets a gradient that is finite and not zero";
    }
    out.push_back(std::move(flow));
    out.push_back(detail::gate("dequantization_accuracy", "the agreement of both outputs' logits", figures.dequantization_accuracy, Bound::at_least,
                               limits.min_dequantization_accuracy, Unit::share));
    out.push_back(detail::gate("compression_ratio", "the compression ratio", figures.compression_ratio, Bound::at_least, limits.min_compression_ratio, Unit::times));
    out.push_back(detail::gate("quantized_share", "the share of parameters that are ternary", figures.quantized_share, Bound::at_least,
                               limits.min_quantized_share, Unit::share));
    GateResult sparsity{.name = "sparsity", .measured = figures.sparsity, .sentence = "the share of zeros was not measured"};
    if (figures.sparsity) {
        const bool inside = *figures.sparsity >= limits.min_sparsity && *figures.sparsity <= limits.max_sparsity;
        sparsity.state = inside ? GateResult::State::passed : GateResult::State::warning;
        sparsity.sentence = message("the share of zeros is ", detail::in_unit(*figures.sparsity, Unit::share), ", ", detail::in_unit(limits.min_sparsity, Unit::share), " to ",
                                    detail::in_unit(limits.max_sparsity, Unit::share), " is usual");
    }
    out.push_back(std::move(sparsity));
    return out;
}

/// Whether no gate failed. One that could not be measured has not.
inline bool all_passed(const std::vector<GateResult>& gates) {
    for (const GateResult& one : gates)
        if (one.state == GateResult::State::failed) return false;
    return true;
}

inline Json to_json(const std::vector<GateResult>& gates) {
    Json::Array out;
    for (const GateResult& one : gates) {
        Json row = Json::object({{"name", one.name}, {"state", to_string(one.state)}, {"sentence", one.sentence}});
        if (one.measured && is_finite(*one.measured)) row.set("measured", *one.measured);
        if (one.required) row.set("required", *one.required);
        out.push_back(std::move(row));
    }
    return Json::array(std::move(out));
}

}  // namespace bitnet::inline BITNET_ABI
