#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two scale policies were given"
Compressor<scale::PerTensor, scale::PerGroup<64>> compressor;
#else
Compressor<scale::PerGroup<64>> compressor;
#endif
int main() {}
