#include <bitnet/core/work_count.hpp>

#include <doctest/doctest.h>

using namespace bitnet;

TEST_CASE("products are counted by their multiplications") {
    const std::uint64_t before = products_so_far();
    count_products(2, 3, 4);
    count_products(1, 5, 0);
    CHECK(products_so_far() - before == 24);
}
