/// Which of several ways to store it each tensor gets, so that a budget is spent where it pays most.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// One way to store a tensor: its bytes, and what it costs in quality, measured, in any unit that adds up over tensors.
struct StorageOption {
    std::size_t bytes = 0;
    double loss = 0;
    bool operator==(const StorageOption&) const = default;
};

/// The index of each tensor's option, and their sums.
struct Allocation {
    std::vector<std::size_t> chosen{};
    std::size_t bytes = 0;
    double loss = 0;
};

namespace detail {

/// The next option on the lower convex hull of bytes and loss behind `at`: the one that gains most a byte; `at` itself at the end.
inline std::size_t next_on_hull(std::span<const StorageOption> options, std::size_t at) {
    std::size_t best = at;
    double most = 0;
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (options[i].bytes <= options[at].bytes || options[i].loss >= options[at].loss) continue;
        const double gain = (options[at].loss - options[i].loss) / static_cast<double>(options[i].bytes - options[at].bytes);
        if (gain > most || (gain == most && options[i].bytes < options[best].bytes)) {
            most = gain;
            best = i;
        }
    }
    return best;
}

inline double gain_per_byte(std::span<const StorageOption> options, std::size_t from, std::size_t to) {
    return (options[from].loss - options[to].loss) / static_cast<double>(options[to].bytes - options[from].bytes);
}

}  // namespace detail

/// Begins with the smallest option of each tensor (of equal ones the best), then takes, again and again, of each tensor's next step on
/// its hull the one that gains most a byte and fits into `most_bytes`, until none does or the loss is at most `enough`. Ties go to the first tensor:
/// the same input gives the same choice.
///
/// options: of each tensor, one at least
/// Errors  errc::bad_value: a tensor without options, or a budget below the smallest options together
/// Source  greedy descent on convex hulls, as in Shoham and Gersho 1988, "Efficient bit allocation for an arbitrary set of quantizers"
inline Allocation allocate(std::span<const std::vector<StorageOption>> options, std::size_t most_bytes,
                           double enough = -std::numeric_limits<double>::infinity()) {
    Allocation out;
    for (const std::vector<StorageOption>& of_tensor : options) {
        if (of_tensor.empty()) throw error(errc::bad_value, message("tensor ", out.chosen.size(), " has no way to be stored"));
        const auto least = std::ranges::min_element(of_tensor, [](const StorageOption& a, const StorageOption& b) {
            return a.bytes != b.bytes ? a.bytes < b.bytes : a.loss < b.loss;
        });
        out.chosen.push_back(static_cast<std::size_t>(least - of_tensor.begin()));
        out.bytes += least->bytes;
        out.loss += least->loss;
    }
    if (out.bytes > most_bytes)
        throw error(errc::bad_value, message("a budget of ", most_bytes, " bytes: the smallest way to store everything takes ", out.bytes));
    while (out.loss > enough) {
        std::size_t tensor = options.size(), step = 0;
        double most = 0;
        for (std::size_t i = 0; i < options.size(); ++i) {
            const std::size_t at = out.chosen[i], next = detail::next_on_hull(options[i], at);
            if (next == at || out.bytes + options[i][next].bytes - options[i][at].bytes > most_bytes) continue;
            const double gain = detail::gain_per_byte(options[i], at, next);
            if (gain <= most) continue;
            most = gain;
            tensor = i;
            step = next;
        }
        if (tensor == options.size()) break;
        const StorageOption &before = options[tensor][out.chosen[tensor]], &after = options[tensor][step];
        out.bytes += after.bytes - before.bytes;
        out.loss += after.loss - before.loss;
        out.chosen[tensor] = step;
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
