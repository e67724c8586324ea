/// From what config.json says about rotary positions to the angles themselves.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include <bitnet/model/rope_config.hpp>

namespace bitnet::inline BITNET_ABI {

/// Angle of pair j at position p: p·frequencies[j]; cosine and sine are stretched by `magnitude`.
struct RopeFrequencies {
    std::vector<float> frequencies{};  ///< head_dim / 2
    double magnitude = 1;
    bool operator==(const RopeFrequencies&) const = default;
};

namespace detail {

/// theta^(-2j/d), in float as the reference computes it.
inline std::vector<float> rope_base(double theta, std::size_t head_dim) {
    std::vector<float> out(head_dim / 2);
    for (std::size_t j = 0; j < out.size(); ++j) {
        const float exponent = static_cast<float>(2 * j) / static_cast<float>(head_dim);
        out[j] = 1.0f / std::pow(static_cast<float>(theta), exponent);
    }
    return out;
}

/// Long waves are slowed by the factor, short ones stay, those between blend.
inline void apply_llama3(const RopeConfig& rope, std::vector<float>& frequencies) {
    const double original = static_cast<double>(rope.original_max_positions);
    for (float& f : frequencies) {
        const double wave = 2 * std::numbers::pi / static_cast<double>(f), slow = static_cast<double>(f) / rope.factor;
        if (wave < original / rope.high_freq_factor) continue;
        if (wave > original / rope.low_freq_factor) {
            f = static_cast<float>(slow);
        } else {
            const double blend = (original / wave - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
            f = static_cast<float>((1 - blend) * slow + blend * static_cast<double>(f));
        }
    }
}

/// Source  Peng et al. 2023, "YaRN", section 3.2 and appendix A.1
inline double apply_yarn(const RopeConfig& rope, std::size_t head_dim, std::vector<float>& frequencies) {
    const double d = static_cast<double>(head_dim), original = static_cast<double>(rope.original_max_positions);
    const auto pair_of = [&](double turns) {  // the pair that turns so often within the original context
        return d * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
    };
    double low = pair_of(rope.beta_fast), high = pair_of(rope.beta_slow);
    if (rope.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, d - 1);
    if (low == high) high += 0.001;
    for (std::size_t j = 0; j < frequencies.size(); ++j) {
        const double ramp = std::clamp((static_cast<double>(j) - low) / (high - low), 0.0, 1.0);
        const double f = static_cast<double>(frequencies[j]);
        frequencies[j] = static_cast<float>(f / rope.factor * ramp + f * (1 - ramp));
    }
    const auto stretch = [&](double scale) { return rope.factor > 1 ? 0.1 * scale * std::log(rope.factor) + 1 : 1.0; };
    if (rope.attention_factor) return *rope.attention_factor;
    if (rope.mscale && rope.mscale_all_dim) return stretch(*rope.mscale) / stretch(*rope.mscale_all_dim);
    return stretch(1);
}

}  // namespace detail

/// The frequencies for a text of `length` tokens; only RopeKind::dynamic depends on that.
/// Source  Hugging Face transformers, modeling_rope_utils
inline RopeFrequencies rope_frequencies(const RopeConfig& rope, std::size_t head_dim, std::size_t max_positions,
                                        std::size_t length) {
    double theta = rope.theta;
    if (rope.kind == RopeKind::dynamic && length > max_positions) {
        const double d = static_cast<double>(head_dim);
        const double longer = static_cast<double>(length) / static_cast<double>(max_positions);
        theta *= std::pow(rope.factor * longer - (rope.factor - 1), d / (d - 2));
    }
    RopeFrequencies out{detail::rope_base(theta, head_dim), 1};
    if (rope.kind == RopeKind::linear)
        for (float& f : out.frequencies) f /= static_cast<float>(rope.factor);
    if (rope.kind == RopeKind::llama3) detail::apply_llama3(rope, out.frequencies);
    if (rope.kind == RopeKind::yarn) out.magnitude = detail::apply_yarn(rope, head_dim, out.frequencies);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
