/// One scale for each few consecutive weights of a row.
#pragma once

#include <array>

#include <bitnet/policy/concepts.hpp>
#include <bitnet/policy/scale/storage.hpp>

namespace bitnet::inline BITNET_ABI::scale {

namespace detail {
/// "per_group<64>" as characters that live as long as the program.
template <std::size_t Size>
inline constexpr auto group_name = [] {
    constexpr std::string_view before = "per_group<";
    constexpr std::size_t digits = [] {
        std::size_t count = 1;
        for (std::size_t n = Size; n >= 10; n /= 10) ++count;
        return count;
    }();
    std::array<char, before.size() + digits + 1> text{};
    for (std::size_t i = 0; i < before.size(); ++i) text[i] = before[i];
    std::size_t n = Size;
    for (std::size_t i = 0; i < digits; ++i, n /= 10)
        text[before.size() + digits - 1 - i] = static_cast<char>('0' + n % 10);
    text.back() = '>';
    return text;
}();
}  // namespace detail

/// Size consecutive weights of a row share a scale: 16/Size bits a weight. A row's last group may be shorter.
/// Multiples of 64 go into GGUF's Q2_0 without loss, 256 into its TQ types.
///
/// Knobs   storage: F16, BF16 or F32
template <std::size_t Size>
struct PerGroup {
    static_assert(Size > 0, "bitnet::scale::PerGroup: a group holds at least one weight");
    static constexpr Role role = Role::scale;
    static constexpr std::string_view name{detail::group_name<Size>.data(), detail::group_name<Size>.size()};
    static constexpr bool whole_tensor = false;
    DType storage = DType::F16;
    static constexpr void knobs(auto&& visit) { visit(storage_choice(&PerGroup::storage)); }

    constexpr std::size_t group(std::size_t) const noexcept { return Size; }
    bool operator==(const PerGroup&) const = default;
};

}  // namespace bitnet::inline BITNET_ABI::scale
