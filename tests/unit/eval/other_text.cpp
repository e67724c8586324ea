#include <bitnet/eval/other_text.hpp>

#include <algorithm>

#include <doctest/doctest.h>

TEST_CASE("the text of another kind is long enough to tell, and holds letters, figures, signs and more than ASCII") {
    const auto has = [](auto what) { return std::ranges::any_of(bitnet::other_text, what); };
    CHECK(bitnet::other_text.size() > 1500);
    CHECK(has([](char c) { return c >= '0' && c <= '9'; }));
    CHECK(has([](char c) { return c == '{'; }));
    CHECK(has([](char c) { return static_cast<unsigned char>(c) >= 0x80; }));
}
