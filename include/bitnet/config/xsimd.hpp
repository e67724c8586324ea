/// The one file that includes xsimd, and the names of the instruction sets that kernels are templates on.
#pragma once

#if __has_include(<xsimd/xsimd.hpp>)
#include <xsimd/xsimd.hpp>
#else
#error "bitnet needs xsimd 8.1 or newer (Debian: libxsimd-dev)"
#endif
