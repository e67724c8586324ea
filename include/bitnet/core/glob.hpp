/// Patterns for names of tensors and files, as a shell writes them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// Whether the whole of `name` fits `pattern`: `*` stands for any run of characters, dots included and possibly
/// empty, `?` for exactly one, everything else for itself, letter case included. There is no escape character.
///
/// At most pattern.size()·name.size() steps, however many stars: only the latest star is ever tried again, because
/// what an earlier one could gain by a longer run, the latest can gain too.
constexpr bool glob_match(std::string_view pattern, std::string_view name) noexcept {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t p = 0, n = 0;
    std::size_t star = none, resume = 0;  // the latest star, and the first character after what it stands for
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p;
            ++n;
        } else if (star != none) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

/// Whether `name` fits one of the patterns of a list with commas between them; an empty list fits nothing.
constexpr bool glob_match_any(std::string_view patterns, std::string_view name) noexcept {
    while (!patterns.empty()) {
        const std::size_t comma = std::min(patterns.find(','), patterns.size());
        if (comma != 0 && glob_match(patterns.substr(0, comma), name)) return true;
        patterns.remove_prefix(std::min(comma + 1, patterns.size()));
    }
    return false;
}

}  // namespace bitnet::inline BITNET_ABI
