/// Numbers as people read them, the same in every locale.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <bitnet/core/is_finite.hpp>

namespace bitnet::inline BITNET_ABI::report {

namespace detail {

inline std::string not_finite_text(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    if ((bits & 0x000f'ffff'ffff'ffffu) != 0) return "not a number";
    return bits >> 63 != 0 ? "-infinite" : "infinite";
}

inline std::string decimals(double value, int digits, std::chars_format format) {
    std::array<char, 400> text;  // 309 digits before the point
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, format, digits).ptr;
    std::string out(text.data(), end);
    if (out.find_first_not_of("-0.") == out.npos && out.front() == '-') out.erase(0, 1);  // no -0.00
    return out;
}

/// "1.5e+06" as "1.5e6".
inline std::string plain_exponent(std::string text) {
    const std::size_t e = text.find('e');
    if (e == text.npos) return text;
    const bool negative = text[e + 1] == '-';
    const std::size_t digits = std::min(text.find_first_not_of("+-0", e + 1), text.size());
    return text.substr(0, e) + (negative ? "e-" : "e") + text.substr(digits);
}

/// A comma before each three digits of the part before the point.
inline std::string with_commas(std::string text) {
    const std::size_t first = text.front() == '-' ? 1 : 0;
    for (std::size_t at = std::min(text.find('.'), text.size()); at > first + 3;) text.insert(at -= 3, ",");
    return text;
}

}  // namespace detail

/// With so many digits behind the point; from 10^15 on with an exponent.
inline std::string fixed(double value, int digits) {
    if (!is_finite(value)) return detail::not_finite_text(value);
    if (std::abs(value) >= 1e15) return detail::plain_exponent(detail::decimals(value, 2, std::chars_format::scientific));
    return detail::with_commas(detail::decimals(value, digits, std::chars_format::fixed));
}

/// With at least so many digits that count: 0.0126, 1.26, 126, 12,600 where it is 3.
inline std::string significant(double value, int digits = 3) {
    if (!is_finite(value)) return detail::not_finite_text(value);
    if (value == 0) return "0";
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
    if (exponent < -5) return detail::plain_exponent(detail::decimals(value, digits - 1, std::chars_format::scientific));
    return fixed(value, std::max(0, digits - 1 - exponent));
}

// A number and its unit stay on one line: U+00A0 is between them.

inline std::string percent(double share, int digits = 2) {
    return is_finite(share) ? fixed(100 * share, digits) + "\u00a0%" : detail::not_finite_text(share);
}

inline std::string bytes_text(double bytes) {
    constexpr std::array<std::string_view, 5> units{"\u00a0bytes", "\u00a0KiB", "\u00a0MiB", "\u00a0GiB", "\u00a0TiB"};
    if (!is_finite(bytes)) return detail::not_finite_text(bytes);
    std::size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < units.size()) bytes /= 1024, ++unit;
    return (unit == 0 ? fixed(bytes, 0) : significant(bytes)) + std::string(units[unit]);
}

inline std::string seconds_text(double seconds) {
    if (!is_finite(seconds)) return detail::not_finite_text(seconds);
    if (seconds == 0) return "0\u00a0s";
    if (seconds < 1) return significant(1000 * seconds) + "\u00a0ms";
    if (seconds < 120) return significant(seconds) + "\u00a0s";
    return seconds < 7200 ? significant(seconds / 60) + "\u00a0min" : significant(seconds / 3600) + "\u00a0h";
}

/// A place on a drawing, to a tenth of a unit and without commas.
inline std::string place_text(double value) {
    std::string out = detail::decimals(is_finite(value) ? std::clamp(value, -1e9, 1e9) : 0.0, 1, std::chars_format::fixed);
    if (out.ends_with(".0")) out.resize(out.size() - 2);
    return out;
}

}  // namespace bitnet::inline BITNET_ABI::report
