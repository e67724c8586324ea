#include <bitnet/pack/layout.hpp>

#include <doctest/doctest.h>

#include <bitnet/pack/trit2.hpp>
#include <bitnet/pack/trit5.hpp>

using bitnet::Layout;

TEST_CASE("layouts are found by the names they print") {
    for (const Layout layout : {Layout::int8, Layout::trit2, Layout::trit5})
        CHECK(bitnet::layout_named(bitnet::to_string(layout)) == layout);
    CHECK(!bitnet::layout_named("trit3"));
}

TEST_CASE("a row takes as many bytes as its codes need, without overflow") {
    CHECK(bitnet::pack::row_bytes<bitnet::pack::Trit2>(0) == 0);
    CHECK(bitnet::pack::row_bytes<bitnet::pack::Trit2>(5) == 2);
    CHECK(bitnet::pack::row_bytes<bitnet::pack::Trit5>(10) == 2);
    CHECK(bitnet::pack::row_bytes<bitnet::pack::Trit2>(~std::size_t{0}) == (std::size_t{1} << 62));
}
