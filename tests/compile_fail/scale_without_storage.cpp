#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::scale;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "a scale policy needs"
    static constexpr bool whole_tensor = false;
#else
    static constexpr bool whole_tensor = false;
    DType storage = DType::F16;
    std::size_t group(std::size_t cols) const { return cols; }
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<Mine> compressor;
int main() {}
