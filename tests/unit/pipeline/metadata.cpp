#include <bitnet/pipeline/metadata.hpp>

#include <doctest/doctest.h>

#include <string_view>

#include <support/temp_dir.hpp>

using bitnet::CompressionStats;
using bitnet::Distortion;
using bitnet::Json;
using bitnet::TensorReport;
using bitnet::TensorRole;
using bitnet::Treatment;

namespace {
Distortion some_distortion() {
    Distortion out;
    out.codes = {1, 2, 1};
    out.sums.weights = 100;
    out.sums.levels = 64;
    out.sums.products = 72;
    out.sums.errors = 25;
    out.sums.largest_error = 3;
    return out;
}
}  // namespace

TEST_CASE("the metadata of a ternary tensor says what was lost") {
    const Json json = to_json(TensorReport{.name = "w",
                                           .role = TensorRole::attention,
                                           .treatment = Treatment::ternary,
                                           .shape = {2, 2},
                                           .dtype = bitnet::DType::BF16,
                                           .parameters = 4,
                                           .stored_bytes = 6,
                                           .distortion = some_distortion(),
                                           .note = "a note"});
    CHECK(json.at("name") == Json("w"));
    CHECK(json.at("role") == Json(to_string(TensorRole::attention)));
    CHECK(json.at("treatment") == Json("ternary"));
    CHECK(json.at("shape") == Json::array({2, 2}));
    CHECK(json.at("dtype") == Json("BF16"));
    CHECK(json.at("scale_type") == Json("F16"));
    CHECK(json.at("stored_bytes") == Json(6));
    CHECK(json.at("bits_per_weight") == Json(12.0));
    CHECK(json.at("note") == Json("a note"));
    const Json& lost = json.at("distortion");
    CHECK(lost.at("minus") == Json(0.25));
    CHECK(lost.at("zeros") == Json(0.5));
    CHECK(lost.at("plus") == Json(0.25));
    CHECK(lost.at("relative_error") == Json(0.5));
    CHECK(lost.at("sqnr_db").as_double() == doctest::Approx(6.0206));
    CHECK(lost.at("cosine").as_double() == doctest::Approx(0.9));
    CHECK(lost.at("max_error") == Json(3.0));
}

TEST_CASE("a kept tensor has no scales and no distortion, and no note when there is nothing to say") {
    const Json json = to_json(TensorReport{.name = "w", .treatment = Treatment::fp16, .shape = {}});
    for (const std::string_view key : {"scale_type", "distortion", "note"}) CHECK(json.find(key) == nullptr);
    CHECK(json.at("shape") == Json::array());
}

TEST_CASE("without any error the signal to noise ratio is null, for JSON has no infinity") {
    const Json json = to_json(Distortion{});
    CHECK(json.at("sqnr_db") == Json(nullptr));
    CHECK_NOTHROW(to_text(json));
}

TEST_CASE("the sums of a model come first and every tensor after them") {
    CompressionStats stats;
    stats.tensors.push_back({.name = "a", .treatment = Treatment::ternary, .shape = {2, 2}, .parameters = 4,
                             .distortion = some_distortion()});
    stats.tensors.push_back({.name = "b", .treatment = Treatment::fp16, .shape = {3}, .parameters = 3});
    stats.original_bytes = 28;
    stats.quantized_bytes = 14;
    stats.dequantized_bytes = 20;
    stats.seconds = 0.5;
    const Json json = to_json(stats);
    CHECK(json.at("compression_ratio") == Json(2.0));
    CHECK(json.at("sparsity_ratio") == Json(0.5));
    CHECK(json.at("layers_quantized") == Json(1));
    CHECK(json.at("layers_preserved") == Json(1));
    CHECK(json.at("total_params") == Json(7));
    CHECK(json.at("quantized_params") == Json(4));
    CHECK(json.at("original_bytes") == Json(28));
    CHECK(json.at("quantized_bytes") == Json(14));
    CHECK(json.at("dequantized_bytes") == Json(20));
    CHECK(json.at("seconds") == Json(0.5));
    CHECK(json.at("distortion").at("zeros") == Json(0.5));
    REQUIRE(json.at("tensors").as_array().size() == 2);
    CHECK(json.at("tensors").as_array()[1].at("name") == Json("b"));
    CHECK(bitnet::parse_json(to_text(json), "text") == json);
}

TEST_CASE("metadata that is saved is loaded as it was, an older one replaced, and anything but an object is refused") {
    const bitnet_test::TempDir dir;
    CompressionStats stats;
    stats.original_bytes = 28;
    stats.quantized_bytes = 14;
    const Json first = to_json(stats);
    bitnet::save_compression_metadata(dir.path(), Json::object({{"a", std::string(5000, 'x')}}));
    bitnet::save_compression_metadata(dir.path(), first);
    CHECK(bitnet::load_compression_metadata(dir.path()) == first);
    CHECK(bitnet::load_compression_metadata(dir.path()).at("compression_ratio") == Json(2.0));

    const std::string file = (dir.path() / "compression_metadata.json").string();
    CHECK_THROWS_WITH_AS(bitnet::save_compression_metadata(dir.path(), Json(3)), (file + ": expected an object, found 3").c_str(), bitnet::error);
    CHECK(bitnet::load_compression_metadata(dir.path()) == first);
    bitnet::write_file(file, "[1]");
    CHECK_THROWS_WITH_AS(bitnet::load_compression_metadata(dir.path()), (file + ": expected an object, found an array of 1").c_str(), bitnet::error);
    CHECK_THROWS_AS(bitnet::load_compression_metadata(dir.path() / "none"), bitnet::error);
}
