#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "a group holds at least one weight"
scale::PerGroup<0> group;
#else
scale::PerGroup<1> group;
#endif
int main() {}
