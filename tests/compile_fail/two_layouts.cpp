#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two layouts were given"
Compressor<pack::Trit2, pack::Trit5> compressor;
#else
Compressor<pack::Trit5> compressor;
#endif
int main() {}
