#include <bitnet/model/rope_config.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using bitnet::RopeConfig;
using bitnet::RopeKind;

namespace {
RopeConfig rope_of(std::string_view text) {
    const bitnet::Json json = bitnet::parse_json(text, "config.json");
    return bitnet::read_rope(bitnet::ConfigReader(json, "config.json"), 10000, 2048);
}
}  // namespace

TEST_CASE("without keys the rotation is the plain one of its family") {
    CHECK(rope_of("{}") == RopeConfig{});
    CHECK(rope_of(R"({"rope_scaling": null, "rope_theta": 500000.0})") == RopeConfig{.theta = 500000});
    CHECK(rope_of(R"({"rope_scaling": {}})") == RopeConfig{});
    CHECK(rope_of(R"({"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}})") ==
          RopeConfig{.theta = 1000000});
}

TEST_CASE("theta comes from the dictionary, then from the top level, then from the family") {
    CHECK(rope_of(R"({"rope_theta": 1, "rope_parameters": {"rope_type": "default", "rope_theta": 2}})").theta == 2);
    CHECK(rope_of(R"({"rope_theta": 1, "rope_parameters": {"rope_type": "default"}})").theta == 1);
}

TEST_CASE("rope_scaling wins over rope_parameters") {
    const RopeConfig rope = rope_of(R"({"rope_scaling": {"rope_type": "linear", "factor": 2.0},
                                        "rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 5}})");
    CHECK(rope == RopeConfig{.kind = RopeKind::linear, .factor = 2});
}

TEST_CASE("every kind is read with its keys, under the old name of the type too") {
    CHECK(rope_of(R"({"rope_scaling": {"type": "linear", "factor": 4}})") ==
          RopeConfig{.kind = RopeKind::linear, .factor = 4});
    CHECK(rope_of(R"({"rope_scaling": {"rope_type": "dynamic", "factor": 1.5}})") ==
          RopeConfig{.kind = RopeKind::dynamic, .factor = 1.5});
    CHECK(rope_of(R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})") ==
          RopeConfig{.kind = RopeKind::llama3,
                     .factor = 8,
                     .original_max_positions = 8192,
                     .low_freq_factor = 1,
                     .high_freq_factor = 4});
    CHECK(rope_of(R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 16, "truncate": false,
                       "mscale": 0.7, "original_max_position_embeddings": 32768, "attention_factor": null}})") ==
          RopeConfig{.kind = RopeKind::yarn,
                     .factor = 4,
                     .original_max_positions = 32768,
                     .beta_fast = 16,
                     .truncate = false,
                     .mscale = 0.7});
    CHECK(rope_of(R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}})").original_max_positions == 2048);
}

TEST_CASE("a rotation that would be computed wrongly is refused") {
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_scaling": {"rope_type": "longrope", "factor": 2}})"),
                         "config.json: rope_scaling.rope_type \"longrope\" is unknown; known: default, linear, dynamic, "
                         "llama3, yarn",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_scaling": {"rope_type": "linear"}})"),
                         "config.json: rope_scaling.factor is missing", bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_parameters": {"rope_type": "llama3", "factor": 8.0}})"),
                         "config.json: rope_parameters.low_freq_factor is missing", bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0,
                                      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}})"),
                         "config.json: rope_scaling.low_freq_factor = 4 is not below high_freq_factor = 4",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_parameters": {"full_attention": {"rope_type": "default"}}})"),
                         "config.json: rope_parameters.full_attention: rotations that differ by layer are not supported",
                         bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"partial_rotary_factor": 0.5})"),
                         "config.json: partial_rotary_factor other than 1 is not supported", bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_scaling": {"partial_rotary_factor": 0.25}})"),
                         "config.json: rope_scaling.partial_rotary_factor other than 1 is not supported", bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_scaling": "linear"})"),
                         "config.json: rope_scaling: expected an object, found \"linear\"", bitnet::error);
    CHECK_THROWS_WITH_AS(rope_of(R"({"rope_theta": 0})"), "config.json: rope_theta: expected a number above 0, found 0",
                         bitnet::error);
}
