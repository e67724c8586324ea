#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two optimizer policies were given"
Compressor<optimizer::Sgd, optimizer::AdamW> compressor;
#else
Compressor<optimizer::Sgd> compressor;
#endif
int main() {}
