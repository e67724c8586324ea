/// The function between the two halves of most feed-forward blocks.
#pragma once

#include <cstddef>

#include <bitnet/kernel/exponential.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

/// x[i] = x[i] / (1 + e^-x[i])
template <class Arch, class T>
void silu(T* x, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) x[i] = x[i] / (1 + exponential(-x[i]));
}

}  // namespace bitnet::inline BITNET_ABI::kernel
