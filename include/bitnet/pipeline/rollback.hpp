/// What to try when a gate fails, and which of the things that were tried is kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bitnet/gate/quality_gates.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet::inline BITNET_ABI {

/// How one attempt ended.
struct Outcome {
    Json record{};  ///< what was done
    GateFigures figures{};
    std::vector<GateResult> gates{};

    bool passed() const { return all_passed(gates); }
    bool fails(std::string_view gate) const {
        return std::ranges::any_of(gates, [&](const GateResult& one) { return one.name == gate && one.state == GateResult::State::failed; });
    }
    std::ptrdiff_t failures() const {
        return std::ranges::count_if(gates, [](const GateResult& one) { return one.state == GateResult::State::failed; });
    }
};

/// Fewer failed gates, then less degradation, then a smaller file. A rise that was not measured, or is not finite, is the largest.
inline bool is_better(const Outcome& one, const Outcome& other) {
    if (one.failures() != other.failures()) return one.failures() < other.failures();
    const auto rise = [](const Outcome& of) {
        return of.figures.degradation && is_finite(*of.figures.degradation) ? *of.figures.degradation : std::numeric_limits<double>::infinity();
    };
    if (rise(one) != rise(other)) return rise(one) < rise(other);
    return one.figures.compression_ratio.value_or(0) > other.figures.compression_ratio.value_or(0);
}

/// One step of a ladder. `next` changes the best request so far where, by how that ended, more may be gained; else it says nothing.
template <class Request>
struct Rung {
    std::string name{};
    std::function<std::optional<Request>(const Request& best, const Outcome& outcome)> next{};
};

}  // namespace bitnet::inline BITNET_ABI
