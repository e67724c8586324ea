#include <bitnet/model/kv_cache.hpp>

#include <doctest/doctest.h>

TEST_CASE("a cache grows by tokens in every layer, keeps what it holds, and a copy is a fork") {
    bitnet::KvCache<float> cache(2, 3);
    CHECK(cache.length() == 0);
    cache.grow(4);
    cache.layer(1).keys(3, 2) = 7;
    auto fork = cache;
    cache.grow(1);
    CHECK(cache.length() == 5);
    CHECK(cache.layer(0).values.rows == 5);
    CHECK(cache.layer(1).keys(3, 2) == 7);
    cache.layer(0).values(4, 2) = 9;
    CHECK(cache.layer(1).keys(3, 2) == 7);
    CHECK(fork.length() == 4);
    fork.layer(1).keys(3, 2) = 8;
    CHECK(cache.layer(1).keys(3, 2) == 7);
}
