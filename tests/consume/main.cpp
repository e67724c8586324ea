#include <bitnet/compress.hpp>
#include <cstdio>

int main() {
    const xt::xarray<float> weight{{0.9f, -1.1f, 0.02f, 1.0f}, {0.0f, 3.0f, -3.0f, 2.9f}};
    const bitnet::Compressor compressor{bitnet::quantizer::AbsMean{}, bitnet::sparsity::Fixed{.threshold = 0.5f}};
    const bitnet::TernaryTensor packed = compressor.compress(weight, "weight");
    std::printf("bitnet %s: %zu bytes, scales %g %g\n", BITNET_VERSION, packed.codes.size(),
                static_cast<double>(packed.scales[0]), static_cast<double>(packed.scales[1]));
    return packed.codes.size() == 2 && packed.dequantize()(1, 0) == 0.0f ? 0 : 1;
}
