/// Attention scores that may not grow without bound.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <bitnet/core/error.hpp>

namespace bitnet::inline BITNET_ABI {

/// What to multiply the rows of W_q and W_k of each head with, biases and scales of these rows included.
struct QkFactors {
    std::vector<float> queries{}, keys{};  ///< one a query head, one a key head
};

/// Factors that bring every head's largest score S down to `most`, where it was above:
///
///     γ_h = min(1, most / S_h)      c = min γ_h over the query heads of a group
///     W_k·sqrt(c)                   W_q,h·γ_h/sqrt(c)
///
/// With a group of one that is sqrt(γ) for both. The scores of head h shrink by γ_h exactly, after rotary positions too. A
/// factor of W_q above 1 is right: another head of its group made W_k smaller than h needs.
///
/// largest: one a query head, a multiple of kv_heads of them    most > 0, or errc::bad_value
/// Source  Kimi Team 2025, "Kimi K2: Open Agentic Intelligence", section 2.1 (MuonClip), there for heads with keys of their own
inline QkFactors qk_clip(std::span<const float> largest, std::size_t kv_heads, float most) {
    if (!(most > 0)) throw error(errc::bad_value, message("qk_clip: most = ", most, " is not above 0"));
    const std::size_t group = largest.size() / kv_heads;
    QkFactors out{std::vector<float>(largest.size(), 1.0f), std::vector<float>(kv_heads, 1.0f)};
    for (std::size_t kv = 0; kv < kv_heads; ++kv) {
        float least = 1;
        for (std::size_t h = kv * group; h < (kv + 1) * group; ++h) {
            out.queries[h] = largest[h] > most ? most / largest[h] : 1.0f;
            least = std::min(least, out.queries[h]);
        }
        out.keys[kv] = std::sqrt(least);
        for (std::size_t h = kv * group; h < (kv + 1) * group; ++h) out.queries[h] /= out.keys[kv];
    }
    return out;
}

}  // namespace bitnet::inline BITNET_ABI
