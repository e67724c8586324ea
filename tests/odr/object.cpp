// Compiled twice, with and without AVX2: what one object of a program makes of some weights.
#include <bitnet/compress.hpp>

bitnet::TernaryTensor OBJECT_NAME(const bitnet::TensorView& weight) {
    return bitnet::Compressor{bitnet::scale::PerGroup<32>{}}.compress(weight);
}
