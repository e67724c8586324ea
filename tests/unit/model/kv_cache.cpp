#include <bitnet/model/kv_cache.hpp>

#include <doctest/doctest.h>

TEST_CASE("a cache grows and forgets by tokens, in every layer") {
    bitnet::KvCache<float> cache(2, 3);
    CHECK(cache.length() == 0);
    cache.grow(4);
    cache.layer(1).keys(3, 2) = 7;
    cache.grow(1);
    CHECK(cache.length() == 5);
    CHECK(cache.bytes() == 2 * 2 * 5 * 3 * sizeof(float));
    const auto fork = cache;
    cache.truncate(3);
    CHECK(cache.layer(0).values.rows() == 3);
    CHECK(fork.length() == 5);
    cache.grow(1);
    CHECK(cache.layer(1).keys(3, 2) == 0);
}
