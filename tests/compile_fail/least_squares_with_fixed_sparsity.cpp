#include <bitnet/compress.hpp>
using namespace bitnet;
#ifdef BITNET_WRONG  // expect-error "chooses its own zeros"
Compressor<quantizer::LeastSquares, sparsity::Fixed> compressor;
#else
Compressor<sparsity::Fixed, quantizer::AbsMean> compressor;
#endif
int main() {}
