#include <bitnet/kernel/arch/generic.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace bitnet;

static_assert(kernel::code_of(-2.0f, 2.0f) == -1);
static_assert(kernel::code_of(-0.0f, 0.0f) == 0);

TEST_CASE("batches add in interleaved lanes and fold halves on halves") {
    using Ops = kernel::Ops<arch::Scalar>;
    kernel::FloatLanes<arch::Scalar, 4> lanes;
    // In any other order the small ones would be lost beside the large ones.
    lanes.lane[0] = Ops::load(&std::as_const(lanes.lane[0])) + 0x1p24f;
    lanes.lane[1] = 1.0f;
    lanes.lane[2] = -0x1p24f;
    lanes.lane[3] = 1.0f;
    CHECK(lanes.total() == 2.0f);
}
