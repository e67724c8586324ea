#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "two sparsity policies were given"
Compressor<quantizer::AbsMean, sparsity::Fixed, sparsity::TargetFraction> compressor;
#else
Compressor<quantizer::AbsMean, sparsity::TargetFraction> compressor;
#endif
int main() {}
