#include <bitnet/compress.hpp>
using namespace bitnet;
struct Mine {
    static constexpr Role role = Role::optimizer;
    static constexpr std::string_view name = "mine";
#ifdef BITNET_WRONG  // expect-error "an optimizer needs a nested State"
    void update(std::span<float>, std::span<const float>, float) const {}
#else
    struct State {
        explicit State(std::size_t) {}
    };
    void update(std::span<float>, std::span<const float>, State&, float) const {}
#endif
    bool operator==(const Mine&) const = default;
};
Compressor<Mine> compressor;
int main() {}
