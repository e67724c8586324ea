#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "a quantizer needs one of"
    float quantise(std::span<const float>, std::span<std::int8_t>) const { return 1; }
#else
    float quantize(std::span<const float>, std::span<std::int8_t>) const { return 1; }
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<Mine> compressor;
int main() {}
