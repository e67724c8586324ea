#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two preservation policies were given"
Compressor<preservation::ByRole, preservation::ByPattern> compressor;
#else
Compressor<preservation::ByPattern> compressor;
#endif
int main() {}
