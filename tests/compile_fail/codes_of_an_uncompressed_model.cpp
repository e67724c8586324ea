#include <bitnet/pipeline/compressed_model.hpp>
#include <bitnet/train/network.hpp>
using namespace bitnet;
StateDict codes(Network<float> model) {
#ifdef BITNET_WRONG  // expect-error "no member named"
    return model.quantized_state_dict();
#else
    return CompressedModel(std::move(model), Compressor<>{}).quantized_state_dict();
#endif
}
int main() {}
