#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::layout;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "a layout policy needs"
    int bits = 2;
#else
    static constexpr Layout layout = Layout::trit2;
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<Mine> compressor;
int main() {}
