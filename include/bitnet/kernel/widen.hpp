/// 16-bit floats to floats, from bytes at any alignment.
#pragma once

#include <bitnet/kernel/arch/ops.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// widen_block of them.
template <class Arch, class Float16>
BITNET_INLINE void widen_whole(const std::byte* in, float* out) noexcept {
    if constexpr (std::is_same_v<Float16, Half>) Ops<Arch>::widen_f16(in, out);
    else Ops<Arch>::widen_bf16(in, out);
}

/// out[i] = value of the 16-bit float at in + 2·i. Exact; a NaN stays a NaN, its payload may change.
/// `in` is the start of 2·n bytes, `out` of n floats; the two do not overlap.
template <class Arch, class Float16>
void widen(const std::byte* in, float* out, std::size_t n) noexcept {
    const std::size_t whole = n - n % widen_block;
    for (std::size_t i = 0; i < whole; i += widen_block) {
        prefetch(reinterpret_cast<std::uintptr_t>(in + 2 * i) + 2 * n);  // the same place of the next row
        widen_whole<Arch, Float16>(in + 2 * i, out + i);
    }
    if (whole == n) return;
    std::byte rest[2 * widen_block] = {};
    float wide[widen_block];
    std::memcpy(rest, in + 2 * whole, 2 * (n - whole));
    widen_whole<Arch, Float16>(rest, wide);
    std::memcpy(out + whole, wide, sizeof(float) * (n - whole));
}

}  // namespace bitnet::inline BITNET_ABI::kernel
