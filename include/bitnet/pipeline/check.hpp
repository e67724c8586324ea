/// Something that was looked at, and how it was found.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json_value.hpp>

namespace bitnet::inline BITNET_ABI {

/// One check of what is handed on: `skipped` where there was nothing to look at, `warning` where it may be meant so.
struct Check {
    enum class State { passed, failed, skipped, warning };
    std::string name{};
    State state = State::skipped;
    std::string sentence{};  ///< what was found, for people
    bool operator==(const Check&) const = default;
};

constexpr std::string_view to_string(Check::State state) noexcept {
    switch (state) {
        case Check::State::passed: return "passed";
        case Check::State::failed: return "failed";
        case Check::State::skipped: return "skipped";
        case Check::State::warning: return "warning";
    }
    return "failed";
}

/// Whether no check failed.
inline bool all_passed(const std::vector<Check>& checks) {
    return std::none_of(checks.begin(), checks.end(), [](const Check& one) { return one.state == Check::State::failed; });
}

inline Json to_json(const std::vector<Check>& checks) {
    Json::Array out;
    for (const Check& one : checks)
        out.push_back(Json::object({{"name", one.name}, {"state", to_string(one.state)}, {"sentence", one.sentence}}));
    return Json::array(std::move(out));
}

/// Passed with `good` where there are no faults; else failed with the first three of them and how many there are besides.
inline Check check_of(std::string name, const std::vector<std::string>& faults, std::string good) {
    if (faults.empty()) return {std::move(name), Check::State::passed, std::move(good)};
    constexpr std::size_t shown = 3;
    std::string sentence;
    for (std::size_t i = 0; i < std::min(shown, faults.size()); ++i) (sentence += i == 0 ? "" : "; ") += faults[i];
    if (faults.size() > shown) sentence += message("; and ", faults.size() - shown, " more");
    return {std::move(name), Check::State::failed, std::move(sentence)};
}

}  // namespace bitnet::inline BITNET_ABI
