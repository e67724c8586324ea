/// "Did you mean": the known word nearest to a mistyped one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// Fewest insertions, deletions and replacements of characters that turn a into b (Levenshtein 1966).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

/// The first of `known` with the smallest edit distance to `word`; empty when nothing is known.
inline std::string_view closest(std::string_view word, std::span<const std::string_view> known) {
    const auto nearest = std::min_element(known.begin(), known.end(), [word](std::string_view a, std::string_view b) {
        return edit_distance(word, a) < edit_distance(word, b);
    });
    return nearest == known.end() ? std::string_view{} : *nearest;
}

}  // namespace bitnet::inline BITNET_ABI
