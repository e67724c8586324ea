#include <bitnet/policy/layout/chosen.hpp>

#include <doctest/doctest.h>

#include <bitnet/pack/trit2.hpp>

using bitnet::layout::Chosen;
static_assert(bitnet::LayoutPolicy<Chosen> && bitnet::LayoutPolicy<bitnet::pack::Trit2>);

TEST_CASE("a layout that is chosen at run time is a knob") {
    const Chosen written{.layout = bitnet::Layout::trit5};
    CHECK(bitnet::to_string(written) == "layout{.layout=trit5}");
    CHECK(bitnet::from_string<Chosen>(bitnet::to_string(written)) == written);
}
