/// Choosing kernels at run time. The functions are defined in objects that CMake's bitnet_add_kernels(target) adds.
#pragma once

#include <span>
#include <string_view>

#include <bitnet/kernel/kernels.hpp>

namespace bitnet::inline BITNET_ABI {

/// Kernels that are compiled in and that this machine runs, the fastest first; the last are arch::Scalar's.
std::span<const Kernels* const> available_kernels();

/// The first of available_kernels().
const Kernels& best_kernels();

/// Those of that name, or null when they are not compiled in or this machine cannot run them.
const Kernels* kernels_named(std::string_view name);

}  // namespace bitnet::inline BITNET_ABI
