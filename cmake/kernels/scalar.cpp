// Compiled with the flags of this instruction set: nothing here may be a template without it.
#include "kernels.hpp"

template <>
const bitnet::Kernels* bitnet::kernel::compiled<bitnet::arch::Scalar>() noexcept {
    return &kernels_of<bitnet::arch::Scalar>;
}
