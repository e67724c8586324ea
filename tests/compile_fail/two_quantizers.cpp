#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two quantizer policies were given"
Compressor<quantizer::AbsMean, quantizer::LeastSquares> compressor;
#else
Compressor<quantizer::AbsMean> compressor;
#endif
int main() {}
