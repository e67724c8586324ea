/// Choosing the next token.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/core/rng.hpp>

namespace bitnet::inline BITNET_ABI {

/// How a token is drawn from logits. Each cut works on what those before it left: top_k, then top_p.
struct SamplingOptions {
    double temperature = 0.8;  ///< logits are divided by it; 0 takes the most probable token; at most 100
    std::size_t top_k = 0;     ///< keep so many of the most probable tokens; 0: all
    double top_p = 1;          ///< keep the fewest most probable tokens that hold this share, in (0, 1]
    std::uint64_t seed = 0;
};

/// Draws tokens one after the other; the same seed and logits give the same tokens.
/// Source  Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", section 3.1 (top-p)
class Sampler {
public:
    explicit Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
        if (!(options.temperature >= 0) || options.temperature > 100)
            throw error(errc::bad_value, message("temperature = ", options.temperature, " is outside [0, 100]"));
        if (!(options.top_p > 0) || options.top_p > 1)
            throw error(errc::bad_value, message("top_p = ", options.top_p, " is outside (0, 1]"));
    }

    /// logits: one for each token of the vocabulary, finite. Among equals the lowest id wins.
    std::uint32_t operator()(std::span<const float> logits) {
        const auto best = std::max_element(logits.begin(), logits.end());
        if (options_.temperature == 0) return static_cast<std::uint32_t>(best - logits.begin());
        order_.resize(logits.size());
        std::iota(order_.begin(), order_.end(), 0u);
        const auto more_probable = [&](std::uint32_t a, std::uint32_t b) {
            return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
        };
        std::size_t kept = options_.top_k == 0 ? logits.size() : std::min(options_.top_k, logits.size());
        if (kept < logits.size())
            std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(kept), order_.end(), more_probable);
        else if (options_.top_p < 1)
            std::sort(order_.begin(), order_.end(), more_probable);
        probability_.resize(kept);
        double sum = 0;
        for (std::size_t i = 0; i < kept; ++i)
            sum += probability_[i] = std::exp(static_cast<double>(logits[order_[i]] - *best) / options_.temperature);
        if (options_.top_p < 1) {
            double held = 0;
            std::size_t i = 0;
            do held += probability_[i++];
            while (i < kept && held < options_.top_p * sum);
            kept = i;
            sum = held;
        }
        double left = random_.uniform() * sum;
        for (std::size_t i = 0; i + 1 < kept; ++i)
            if ((left -= probability_[i]) < 0) return order_[i];
        return order_[kept - 1];
    }

private:
    SamplingOptions options_;
    Random random_;
    std::vector<std::uint32_t> order_{};
    std::vector<double> probability_{};
};

}  // namespace bitnet::inline BITNET_ABI
