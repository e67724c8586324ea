#include <bitnet/compress.hpp>
using namespace bitnet;
struct Fitted {  // to second moments
    static constexpr Role role = Role::quantizer;
    static constexpr std::string_view name = "fitted";
    static constexpr std::size_t planes = 1;
    double feedback_damping() const { return 0.1; }
    bool operator==(const Fitted&) const = default;
};
#ifdef BITNET_WRONG  // expect-error "this quantizer needs second moments"
using Used = Fitted;
#else
using Used = quantizer::LeastSquares;
#endif
int main() { Compressor<Used>{}.compress(xt::xarray<float>::from_shape({2, 2})); }
