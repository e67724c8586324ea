#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::preservation;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "a preservation policy needs"
    bool keep(const TensorInfo&) const { return true; }
#else
    Treatment treatment(const TensorInfo&) const { return Treatment::fp16; }
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<Mine> compressor;
int main() {}
