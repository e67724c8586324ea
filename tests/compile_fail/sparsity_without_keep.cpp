#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::sparsity;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "a sparsity policy needs"
    float cut(float alpha) const { return alpha; }
#else
    float keep(float alpha) const { return alpha; }
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<quantizer::AbsMean, Mine> compressor;
int main() {}
