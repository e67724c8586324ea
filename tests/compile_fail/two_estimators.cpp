#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two straight-through estimators were given"
Compressor<ste::Identity, ste::Clipped> compressor;
#else
Compressor<ste::Clipped> compressor;
#endif
int main() {}
