/// How scales are stored, and what that does to their values.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <bitnet/core/dtype.hpp>
#include <bitnet/core/half.hpp>
#include <bitnet/policy/text.hpp>

namespace bitnet::inline BITNET_ABI::scale {

/// The `storage` knob that all scale policies share.
template <class Policy>
constexpr auto storage_choice(DType Policy::* member) {
    return Choice{"storage", member, std::array{DType::F16, DType::BF16, DType::F32}};
}

/// The scale as a file holds it: what is measured is what is stored.
inline float stored(float alpha, DType storage) noexcept {
    if (storage == DType::F16) return to_float(to_half(alpha));
    if (storage == DType::BF16) return to_float(to_bfloat16(alpha));
    return alpha;
}

/// Whether a type holds this scale with its full relative precision: 0 (an all-zero region) always, otherwise the
/// type's normal range, for F16 2^-14 ... 65504. A tensor with any other scale stores all of its scales as F32.
inline bool holds(DType storage, float alpha) noexcept {
    if (alpha == 0 || storage == DType::F32) return true;
    const float rounded = stored(alpha, storage);
    return rounded <= std::numeric_limits<float>::max() &&
           rounded >= (storage == DType::F16 ? 0x1p-14f : std::numeric_limits<float>::min());
}

}  // namespace bitnet::inline BITNET_ABI::scale
