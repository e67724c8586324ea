#include <bitnet/model/rope_frequencies.hpp>

#include <doctest/doctest.h>

#include <cmath>

using bitnet::rope_frequencies;
using bitnet::RopeConfig;
using bitnet::RopeKind;

TEST_CASE("the standard frequencies are powers of theta") {
    const auto rope = rope_frequencies(RopeConfig{}, 8, 2048, 10);
    REQUIRE(rope.frequencies.size() == 4);
    for (std::size_t j = 0; j < 4; ++j)
        CHECK(rope.frequencies[j] == doctest::Approx(std::pow(10000.0, -static_cast<double>(j) / 4)));
    CHECK(rope.magnitude == 1);
}

TEST_CASE("linear divides them all, dynamic only lowers the base beyond the model's context") {
    const auto plain = rope_frequencies(RopeConfig{}, 8, 100, 10);
    const auto linear = rope_frequencies({.kind = RopeKind::linear, .factor = 4}, 8, 100, 10);
    for (std::size_t j = 0; j < 4; ++j) CHECK(linear.frequencies[j] == plain.frequencies[j] / 4);
    const RopeConfig dynamic{.kind = RopeKind::dynamic, .factor = 2};
    CHECK(rope_frequencies(dynamic, 8, 100, 100) == plain);
    const auto longer = rope_frequencies(dynamic, 8, 100, 300);  // theta·(2·3 - 1)^(8/6)
    CHECK(longer.frequencies[3] == doctest::Approx(std::pow(10000.0 * std::pow(5.0, 8.0 / 6), -0.75)));
}

TEST_CASE("llama3 keeps short waves, slows long ones and blends between") {
    const RopeConfig llama3{.kind = RopeKind::llama3, .theta = 500000, .factor = 8, .original_max_positions = 8192,
                            .low_freq_factor = 1, .high_freq_factor = 4};
    const auto plain = rope_frequencies({.theta = 500000}, 128, 131072, 10), rope = rope_frequencies(llama3, 128, 131072, 10);
    CHECK(rope.frequencies.front() == plain.frequencies.front());
    CHECK(rope.frequencies.back() == doctest::Approx(plain.frequencies.back() / 8.0f));
    std::size_t between = 0;
    for (std::size_t j = 0; j < 64; ++j)
        between += rope.frequencies[j] < plain.frequencies[j] && rope.frequencies[j] > plain.frequencies[j] / 7.9f;
    CHECK(between > 0);
}

TEST_CASE("yarn stretches by 0.1 ln(factor) + 1 unless the configuration says how much") {
    RopeConfig yarn{.kind = RopeKind::yarn, .factor = 4, .original_max_positions = 2048};
    const auto plain = rope_frequencies(RopeConfig{}, 64, 8192, 10), rope = rope_frequencies(yarn, 64, 8192, 10);
    CHECK(rope.magnitude == doctest::Approx(0.1 * std::log(4.0) + 1));
    CHECK(rope.frequencies.front() == plain.frequencies.front());
    CHECK(rope.frequencies.back() == doctest::Approx(plain.frequencies.back() / 4.0f));
    yarn.mscale = 0.5;
    yarn.mscale_all_dim = 1.0;
    CHECK(rope_frequencies(yarn, 64, 8192, 10).magnitude ==
          doctest::Approx((0.05 * std::log(4.0) + 1) / (0.1 * std::log(4.0) + 1)));
    yarn.attention_factor = 1.25;
    CHECK(rope_frequencies(yarn, 64, 8192, 10).magnitude == 1.25);
}
