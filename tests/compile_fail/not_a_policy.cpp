#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "a template argument is not a policy"
Compressor<int> compressor;
#else
Compressor<ste::Identity> compressor;
#endif
int main() {}
