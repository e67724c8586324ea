#include <bitnet/config/macros.hpp>

#include <doctest/doctest.h>

namespace {
BITNET_INLINE BITNET_HD constexpr int twice(int x) { return 2 * x; }
}  // namespace

TEST_CASE("the macros decorate functions without changing them") { CHECK(twice(21) == 42); }
