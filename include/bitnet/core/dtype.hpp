/// Element types by the names that safetensors uses.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <bitnet/config/abi.hpp>

namespace bitnet::inline BITNET_ABI {

/// In the order in which reference writers sort tensors: from the least to the most aligned.
enum class DType {
    BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ,
    I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64
};

struct DTypeInfo {
    DType type;
    std::string_view name;
    std::size_t bits;
};

inline constexpr std::array dtype_table{
    DTypeInfo{DType::BOOL, "BOOL", 8},       DTypeInfo{DType::F4, "F4", 4},
    DTypeInfo{DType::F6_E2M3, "F6_E2M3", 6}, DTypeInfo{DType::F6_E3M2, "F6_E3M2", 6},
    DTypeInfo{DType::U8, "U8", 8},           DTypeInfo{DType::I8, "I8", 8},
    DTypeInfo{DType::F8_E5M2, "F8_E5M2", 8}, DTypeInfo{DType::F8_E4M3, "F8_E4M3", 8},
    DTypeInfo{DType::F8_E8M0, "F8_E8M0", 8}, DTypeInfo{DType::F8_E4M3FNUZ, "F8_E4M3FNUZ", 8},
    DTypeInfo{DType::F8_E5M2FNUZ, "F8_E5M2FNUZ", 8},
    DTypeInfo{DType::I16, "I16", 16},        DTypeInfo{DType::U16, "U16", 16},
    DTypeInfo{DType::F16, "F16", 16},        DTypeInfo{DType::BF16, "BF16", 16},
    DTypeInfo{DType::I32, "I32", 32},        DTypeInfo{DType::U32, "U32", 32},
    DTypeInfo{DType::F32, "F32", 32},        DTypeInfo{DType::C64, "C64", 64},
    DTypeInfo{DType::F64, "F64", 64},        DTypeInfo{DType::I64, "I64", 64},
    DTypeInfo{DType::U64, "U64", 64}};

constexpr std::string_view name_of(DType type) noexcept { return dtype_table[static_cast<std::size_t>(type)].name; }
constexpr std::string_view to_string(DType type) noexcept { return name_of(type); }
constexpr std::size_t bits_of(DType type) noexcept { return dtype_table[static_cast<std::size_t>(type)].bits; }

/// The type of that exact name; nothing for a name that is not in the table.
constexpr std::optional<DType> dtype_named(std::string_view name) noexcept {
    for (const DTypeInfo& row : dtype_table)
        if (row.name == name) return row.type;
    return std::nullopt;
}

/// Types whose values the quantizers read: F16, BF16, F32, F64.
constexpr bool is_weight_type(DType type) noexcept {
    return type == DType::F16 || type == DType::BF16 || type == DType::F32 || type == DType::F64;
}

static_assert([] {
    for (std::size_t i = 0; i < dtype_table.size(); ++i)
        if (static_cast<std::size_t>(dtype_table[i].type) != i) return false;
    return true;
}());

}  // namespace bitnet::inline BITNET_ABI
