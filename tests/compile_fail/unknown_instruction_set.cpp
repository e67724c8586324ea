#include <bitnet/kernel/arch.hpp>

#ifdef BITNET_WRONG
struct Abacus {};  // expect-error "there are no kernels for this instruction set"
static_assert(!bitnet::arch::name_of<Abacus>.empty());
#else
static_assert(!bitnet::arch::name_of<bitnet::arch::Scalar>.empty());
#endif
int main() {}
