/// How scales are stored, and what that does to their values.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/half.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::scale {

/// The `storage` knob that all scale policies share.
template <class Policy>
constexpr auto storage_choice(DType Policy::* member) {
    return Choice{"storage", member, std::array{DType::F16, DType::BF16, DType::F32}};
}

/// Whether a type holds this scale with its full relative precision: 0 (an all-zero region) always, otherwise what
/// rounds into the type's normal range, for F16 from 2^-14 to below 65520. A tensor with any other scale stores all of
/// its scales as F32.
constexpr bool holds(DType storage, float alpha) noexcept {
    if (storage == DType::F32) return true;
    const auto lowest = std::bit_cast<std::uint32_t>(storage == DType::F16 ? 0x1p-14f : std::numeric_limits<float>::min());
    const auto beyond = std::bit_cast<std::uint32_t>(storage == DType::F16 ? 65520.0f : 0x1.ffp127f);
    const auto bits = std::bit_cast<std::uint32_t>(alpha);  // of floats >= 0, in the order of their values
    return (bits == 0) | (bits - lowest < beyond - lowest);
}

/// A scale that the type holds, as a file stores it: rounded to the type's 11 (F16) or 8 (BF16) significant bits, ties
/// to even. What is measured is what is stored.
constexpr float stored(float alpha, DType storage) noexcept {
    if (storage == DType::F32) return alpha;
    const unsigned dropped = storage == DType::F16 ? 13 : 16;
    const auto bits = std::bit_cast<std::uint32_t>(alpha);
    const std::uint32_t half = (1u << (dropped - 1)) - 1 + ((bits >> dropped) & 1u);
    return std::bit_cast<float>((bits + half) >> dropped << dropped);
}

/// An offset as a file stores it: the nearest value of the type, which near 0 has fewer significant bits; infinite beyond it.
constexpr float stored_offset(float offset, DType storage) noexcept {
    return storage == DType::F32 ? offset : storage == DType::F16 ? to_float(to_half(offset)) : to_float(to_bfloat16(offset));
}

}  // namespace bitnet::inline BITNET_ABI::scale
