// The tables that the objects of this folder define, one object for each instruction set.
#pragma once

#include <bitnet/kernel/kernels.hpp>

namespace bitnet::inline BITNET_ABI::kernel {

template <class Arch>
const Kernels* compiled() noexcept;

}  // namespace bitnet::inline BITNET_ABI::kernel
