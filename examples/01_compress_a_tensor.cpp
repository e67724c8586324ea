/// Policies in any order, defaults for the rest, one call, and the damage read at once.
#include <bitnet/compress.hpp>

#include <cstdio>

int main() {
    using namespace bitnet;
    const auto weight = xt::reshape_view(xt::sin(xt::arange<float>(8192.0f)), {64, 128});  // any xtensor expression
    const Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}, scale::PerGroup<64>{}};

    const TernaryTensor packed = compressor.compress(weight, "layers.0.mlp.up_proj.weight");
    const Distortion lost = distortion(weight, packed);

    std::printf("%s\n", to_string(compressor).c_str());
    std::printf("%zu bytes as FP32, %zu packed\n", weight.size() * sizeof(float), packed.stored_bytes());
    std::printf("zeros %.3f  |W'-W|/|W| %.3f  cosine %.3f\n", lost.zeros(), lost.relative_error(), lost.cosine());
    std::printf("W'[3, 7] = %.4f\n", static_cast<double>(packed.dequantize()(3, 7)));  // lazy: nothing else is unpacked
}
