#include <bitnet/policy/scale/per_channel.hpp>

#include <doctest/doctest.h>

using bitnet::scale::PerChannel;
static_assert(bitnet::ScalePolicy<PerChannel> && !PerChannel::whole_tensor);

TEST_CASE("a channel's scale spans its row") {
    CHECK(PerChannel{}.group(384) == 384);
    CHECK(bitnet::to_string(PerChannel{}) == "per_channel{.storage=F16}");
}
