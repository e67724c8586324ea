// What the symbol check must notice: `wrong` is one symbol with two meanings, `right` is two symbols.
#include <bitnet/config/xsimd.hpp>

namespace bitnet {

template <class Arch>
float first_lane(float x) {
    return xsimd::batch<float, Arch>(x).get(0);
}
template <class Arch>
float right(float x) {
    return first_lane<Arch>(x);
}
inline float wrong(float x) { return first_lane<xsimd::default_arch>(x); }

}  // namespace bitnet

float use(float x) { return bitnet::right<xsimd::default_arch>(x) + bitnet::wrong(x); }
