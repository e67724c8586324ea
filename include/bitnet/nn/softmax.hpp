/// Numbers to probabilities, by the kernels of an instruction set.
#pragma once

#include <span>
#include <type_traits>

#include <bitnet/kernel/kernels.hpp>

namespace bitnet::inline BITNET_ABI {

/// p[i] = e^x[i] / Σ e^x; p may be x.  x, p: one number or more
template <class T>
SoftmaxSums<T> softmax(std::span<const T> x, std::span<T> p, const Kernels& kernels) noexcept {
    if constexpr (std::is_same_v<T, float>)
        return kernels.softmax(x.data(), x.size(), p.data());
    else
        return kernel::softmax<arch::Scalar>(x.data(), x.size(), p.data());
}

}  // namespace bitnet::inline BITNET_ABI
