// Compiled with the flags of this instruction set: nothing here may be a template without it.
#include "kernels.hpp"

template <>
const bitnet::Kernels* bitnet::kernel::compiled<xsimd::sse2>() noexcept {
    return &kernels_of<xsimd::sse2>;
}
