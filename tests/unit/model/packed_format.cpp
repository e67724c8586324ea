#include <bitnet/model/packed_format.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

#include <bitnet/compress.hpp>

#include "../pipeline/models.hpp"

namespace layout = bitnet::layout;
namespace preservation = bitnet::preservation;
namespace quantizer = bitnet::quantizer;
namespace scale = bitnet::scale;
namespace sparsity = bitnet::sparsity;
using bitnet::Compressor;
using bitnet::DType;
using bitnet::errc;
using bitnet::Json;
using bitnet::Layout;
using bitnet::packed_metadata_from_text;
using bitnet::PackedMetadata;
using bitnet::policies_from_json;
using bitnet_test::refusal;

namespace {

PackedMetadata some_metadata(Layout layout) {
    PackedMetadata out{.layout = layout, .policies = policies_to_json(Compressor<>{})};
    out.int8_rows = {"embed.weight", "other"};
    out.unchanged = {"extra \"x\""};
    out.tensors["a.weight"] = {.shape = {4, 128}, .group = 64};
    out.tensors["b.weight"] = {.shape = {4, 5, 6}, .group = 30, .whole_tensor = true};
    out.tensors["c \"x\".weight"] = {.shape = {7}, .group = 7};
    out.tensors["d.weight"] = {.shape = {3, 2}, .group = 2, .transposed = true};
    out.tensors["e.weight"] = {.shape = {3, 64}, .group = 64, .planes = 2, .offsets = true, .rotation = {32, 7}};
    out.tensors["empty"] = {.shape = {0, 8}, .group = 8};
    out.tensors["scalar"] = {.shape = {}, .group = 1};
    return out;
}

/// The metadata of one tensor with one key changed by `change`.
template <class Change>
std::pair<errc, std::string> refused_metadata(const Change& change) {
    Json json = Json::object({{"format", 1},
                              {"layout", "trit2"},
                              {"policies", Json::object({{"quantizer", "absmean{}"}})},
                              {"tensors", Json::object({{"w", Json::object({{"shape", Json::array({4, 8})}, {"group", 8}})}})}});
    change(json);
    return refusal([&] { packed_metadata_from_text(to_text(json), "f.safetensors"); });
}
Json& row_of(Json& json) { return *json.find("tensors")->find("w"); }

template <class C>
void check_round_trip(const C& compressor) {
    const Json json = policies_to_json(compressor);
    CHECK(json.as_object().size() == 7);
    CHECK(policies_from_json<C>(json, "m.json") == compressor);
    CHECK(policies_to_json(policies_from_json<C>(bitnet::parse_json(to_text(json), "m.json"), "m.json")) == json);
}

}  // namespace

TEST_CASE("what stands in a packed file is called after its tensor") {
    CHECK(bitnet::codes_name("a.weight") == "a.weight.codes");
    CHECK(bitnet::scales_name("a.weight") == "a.weight.scales");
    CHECK(bitnet::codes_name("a.weight", 1) == "a.weight.codes1");
    CHECK(bitnet::scales_name("a.weight", 2) == "a.weight.scales2");
    CHECK(bitnet::int8_name("a.weight") == "a.weight.int8");
    CHECK(bitnet::int8_scales_name("a.weight") == "a.weight.int8_scales");
}

TEST_CASE("packed metadata survives the trip through text") {
    for (const Layout layout : {Layout::int8, Layout::trit2, Layout::trit5}) {
        const PackedMetadata written = some_metadata(layout);
        const std::string text = to_text(written);
        CHECK(text.find('\n') == text.npos);
        CHECK(packed_metadata_from_text(text, "f.safetensors") == written);
    }
    CHECK(packed_metadata_from_text(to_text(PackedMetadata{}), "f.safetensors") == PackedMetadata{});
}

TEST_CASE("policies of any compressor survive the trip through metadata") {
    check_round_trip(Compressor<>{});
    check_round_trip(bitnet::recipe::Default{});
    check_round_trip(bitnet::recipe::BitNet158{});
    check_round_trip(bitnet::recipe::Phase4{}.with(sparsity::SizeAdaptive{.parameters = 123'456'789}));
    check_round_trip(Compressor{scale::PerGroup<64>{.storage = DType::BF16}, quantizer::AbsMean{},
                                sparsity::Fixed{.threshold = 0.3f}, bitnet::pack::Trit5{}});
    check_round_trip(Compressor{layout::Chosen{.layout = Layout::int8},
                                preservation::ByPattern{.keep = "model.layers.0.*,a b", .ternary = "*extra*",
                                                        .precision = bitnet::Treatment::int8_rows, .head = false}});
}

TEST_CASE("every policy is written, the defaults too") {
    const Json json = policies_to_json(Compressor{quantizer::AbsMean{}, sparsity::Fixed{.threshold = 0.5f}});
    CHECK(json.at("quantizer") == Json("absmean{}"));
    CHECK(json.at("sparsity") == Json("fixed{.threshold=0.5}"));
    CHECK(json.at("scale") == Json("per_channel{.storage=F16}"));
    CHECK(json.at("layout") == Json("trit2{}"));
    CHECK(json.at("preservation") == Json("by_role{.precision=fp16, .embeddings=true, .head=true}"));
    CHECK(json.find("optimizer") != nullptr);
    CHECK(json.at("ste") == Json("identity{}"));
}

TEST_CASE("policies of another compressor, or out of range, are refused") {
    using Made = Compressor<quantizer::AbsMean, sparsity::Fixed>;
    const Json good = policies_to_json(Made{});
    const auto refused_with = [&](std::string_view role, Json value) {
        Json json = good;
        json.set(role, std::move(value));
        return refusal([&] { policies_from_json<Made>(json, "m.json"); });
    };
    CHECK(refused_with("quantizer", "least_squares{}") ==
          std::pair(errc::bad_value, std::string(R"(absmean: expected absmean{...}, found "least_squares{}")")));
    CHECK(refused_with("sparsity", "fixed{.threshold=9}") ==
          std::pair(errc::bad_value, std::string("fixed: threshold = 9 is outside [0, 4]")));
    CHECK(refused_with("scale", 3) == std::pair(errc::bad_value, std::string("m.json: scale: expected a string, found 3")));
    CHECK(refusal([&] { policies_from_json<Made>(Json::object({{"quantizer", "absmean{}"}}), "m.json"); }) ==
          std::pair(errc::missing, std::string("m.json: no key \"sparsity\"")));
}

TEST_CASE("metadata of a later format says which this version reads") {
    CHECK(refused_metadata([](Json& json) { json.set("format", 2); }) ==
          std::pair(errc::unsupported, std::string("f.safetensors: metadata \"bitnet\": format 2; this version reads 1")));
}

TEST_CASE("metadata that is not ours is refused with the file and the field") {
    const std::string where = "f.safetensors: metadata \"bitnet\": ";
    CHECK(refusal([] { packed_metadata_from_text("", "f.safetensors"); }).first == errc::bad_file);
    CHECK(refusal([] { packed_metadata_from_text("[1]", "f.safetensors"); }) ==
          std::pair(errc::bad_value, std::string("f.safetensors: metadata \"bitnet\": expected an object, found an array of 1")));
    CHECK(refused_metadata([](Json& json) { json = Json::object(); }) == std::pair(errc::missing, where + "no key \"format\""));
    CHECK(refused_metadata([](Json& json) { json.set("format", "1"); }).second ==
          where + "format: expected an unsigned integer, found \"1\"");
    CHECK(refused_metadata([](Json& json) { json.set("layout", 2); }).second == where + "layout: expected a string, found 2");
    CHECK(refused_metadata([](Json& json) { json.set("layout", "trit3"); }) ==
          std::pair(errc::bad_file, where + "layout \"trit3\" is none of int8, trit2, trit5"));
    CHECK(refused_metadata([](Json& json) { json.set("policies", "absmean{}"); }).second ==
          where + "policies: expected an object, found \"absmean{}\"");
    CHECK(refused_metadata([](Json& json) { json.find("policies")->set("quantizer", 1); }).second ==
          where + "policies: \"quantizer\": expected a string, found 1");
    CHECK(refused_metadata([](Json& json) { json.set("tensors", Json::array()); }).second ==
          where + "tensors: expected an object, found an array of 0");
    for (const std::string key : {"int8_rows", "unchanged"}) {
        CHECK(refused_metadata([&](Json& json) { json.set(key, "w"); }).second == where + key + ": expected an array, found \"w\"");
        CHECK(refused_metadata([&](Json& json) { json.set(key, Json::array({1})); }).second == where + key + ": expected a string, found 1");
    }
}

TEST_CASE("a bad field of one tensor's metadata is refused with file, tensor and field") {
    const std::string where = "f.safetensors: metadata \"bitnet\": tensor \"w\": ";
    CHECK(refused_metadata([](Json& json) { json.find("tensors")->set("w", 1); }).second == where + "expected an object, found 1");
    CHECK(refused_metadata([](Json& json) { row_of(json) = Json::object({{"group", 8}}); }) ==
          std::pair(errc::missing, where + "no key \"shape\""));
    CHECK(refused_metadata([](Json& json) { row_of(json).set("shape", 32); }).second == where + "shape: expected an array, found 32");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("shape", Json::array({-4, 8})); }).second ==
          where + "shape: expected an unsigned integer, found -4");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("shape", Json::array({4.0, 8})); }).second ==
          where + "shape: expected an unsigned integer, found 4.0");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("group", "row"); }).second ==
          where + "group: expected an unsigned integer, found \"row\"");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("group", -1); }).second ==
          where + "group: expected an unsigned integer, found -1");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("group", 0); }) ==
          std::pair(errc::bad_file, where + "a group holds at least one weight"));
    CHECK(refused_metadata([](Json& json) { row_of(json).set("transposed", 1); }).second ==
          where + "transposed: expected true or false, found 1");
    CHECK(refused_metadata([](Json& json) { row_of(json).set("transposed", true).set("shape", Json::array({4, 2, 2})); }) ==
          std::pair(errc::bad_file, where + "only a matrix can be transposed, not (4, 2, 2)"));
    const std::uint64_t huge = std::uint64_t{1} << 40;
    CHECK(refused_metadata([&](Json& json) { row_of(json).set("shape", Json::array({0, huge, huge})).set("group", "tensor"); }).second
              .starts_with(where));
}

TEST_CASE("planes, offsets and rotations that cannot be are refused by file and tensor") {
    const auto refused = [](const Json& row) { return refused_metadata([&](Json& json) {
        for (const auto& [key, value] : row.as_object()) row_of(json).set(key, value);
    }); };
    const auto [code, planes] = refused(Json::object({{"planes", 0}}));
    CHECK(code == errc::bad_file);
    CHECK(planes == "f.safetensors: metadata \"bitnet\": tensor \"w\": 0 planes of codes; there may be 1 to 4");
    CHECK(refused(Json::object({{"planes", 5}})).second.ends_with("5 planes of codes; there may be 1 to 4"));
    for (const int block : {0, 3, 16})
        CHECK(refused(Json::object({{"rotation", Json::object({{"block", block}, {"seed", 1}})}})).second.ends_with(
            bitnet::message("rotation: blocks of ", block, ", expected a power of two that divides the 8 columns")));
    CHECK(refused(Json::object({{"rotation", Json::object({{"block", 8}})}})).second.find("seed") != std::string::npos);
    CHECK(refused(Json::object({{"offsets", 1}})).second.find("tensor \"w\": offsets") != std::string::npos);
}
