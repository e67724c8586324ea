/// What the layouts of packed codes have in common.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <bitnet/core/role.hpp>

namespace bitnet::inline BITNET_ABI {

/// The layouts that files may hold, as a value.
enum class Layout { int8, trit2, trit5 };

constexpr std::string_view to_string(Layout layout) noexcept {
    return layout == Layout::int8 ? "int8" : layout == Layout::trit2 ? "trit2" : "trit5";
}

constexpr std::optional<Layout> layout_named(std::string_view name) noexcept {
    for (const Layout layout : std::array{Layout::int8, Layout::trit2, Layout::trit5})
        if (to_string(layout) == name) return layout;
    return std::nullopt;
}

namespace pack {

/// A layout is a type: how many codes one byte holds, and how they go in and come out. Rows are packed one by one;
/// the places of a last byte that no code fills hold the code 0.
///
///     pack<Arch>(codes, bytes)      n codes in {-1, 0, +1} -> row_bytes(n) bytes
///     unpack<Arch>(bytes, codes)    and back
///     valid(byte)                   false for a byte that pack never writes
///
/// The functions are templates on Arch because kernels call them from objects with other compiler flags.
template <class L>
concept PackLayout = requires(std::span<const std::int8_t> codes, std::span<std::uint8_t> bytes,
                              std::span<std::int8_t> codes_out, std::uint8_t byte) {
    { L::layout } -> std::convertible_to<Layout>;
    { L::codes_per_byte } -> std::convertible_to<std::size_t>;
    { L::template pack<void>(codes, bytes) } -> std::same_as<void>;
    { L::template unpack<void>(bytes, codes_out) } -> std::same_as<void>;
    { L::template valid<void>(byte) } -> std::same_as<bool>;
};

/// Bytes of one packed row of `cols` codes: ceil(cols / codes_per_byte).
template <class L>
constexpr std::size_t row_bytes(std::size_t cols) noexcept {
    return cols / L::codes_per_byte + (cols % L::codes_per_byte != 0 ? 1 : 0);
}

}  // namespace pack
}  // namespace bitnet::inline BITNET_ABI
