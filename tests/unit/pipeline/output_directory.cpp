#include <bitnet/pipeline/output_directory.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "models.hpp"

namespace fs = std::filesystem;
using bitnet::errc;
using bitnet::Json;
using bitnet::ModelDir;
using bitnet::require_apart;
using bitnet_test::refusal;
using bitnet_test::TempDir;

namespace {
bool apart(const fs::path& input, const fs::path& output) {
    const auto [code, what] = refusal([&] { require_apart(input, output); });
    if (what.empty()) return true;
    CHECK(code == errc::bad_value);
    CHECK(what == "output " + output.string() + " and input " + input.string() +
                      " lie inside each other; choose another output");
    return false;
}
}  // namespace

TEST_CASE("an output neither lies in its input nor around it") {
    const TempDir place;
    fs::create_directories(place / "model" / "sub");
    fs::create_directories(place / "out");
    bitnet_test::write_text(place / "model" / "model.safetensors", "x");
    CHECK(apart(place / "model", place / "out"));
    CHECK(apart(place / "model", place / "new"));
    CHECK(apart(place / "model", place / "model2"));  // a longer name is not a place inside
    CHECK(apart(place / "model" / "model.safetensors", place / "out"));
    CHECK_FALSE(apart(place / "model", place / "model"));
    CHECK_FALSE(apart(place / "model", place / "model" / "out"));
    CHECK_FALSE(apart(place / "model", place.path()));
    CHECK_FALSE(apart(place / "model" / "sub", place / "model"));
    CHECK_FALSE(apart(place / "model" / "model.safetensors", place / "model"));
    CHECK_FALSE(apart((place / "model").string() + "/", (place / "model" / "out").string() + "/"));
}

TEST_CASE("dots and symbolic links do not hide that an output lies in its input") {
    const TempDir place;
    fs::create_directories(place / "model");
    fs::create_directory_symlink(place / "model", place / "link");
    CHECK_FALSE(apart(place / "model", place / "link" / "out"));
    CHECK_FALSE(apart(place / "link", place / "model"));
    CHECK_FALSE(apart(place / "model", place / "model" / "a" / ".." / "out"));
    CHECK(apart(place / "model", place / "model" / ".." / "out"));
}

TEST_CASE("config.json keeps the keys that nobody here knows, in their order") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {.dtype = bitnet::DType::BF16, .keys = {{"my_key", Json::array({1, "x"})}}});
    const ModelDir model(place / "model");
    for (const bool packed : {false, true}) {
        write_config(model, place.path(), packed);
        const Json written = bitnet::read_json_file(place / "config.json");
        Json expected = bitnet::read_json_file(place / "model" / "config.json");
        expected.set("dtype", "float16");
        if (packed)
            expected.set("quantization_config",
                         Json::object({{"quant_method", bitnet::packed_quant_method}, {"format", 1}}));
        CHECK(written == expected);
    }
}

TEST_CASE("the dense output of a model that rounds its weights as it runs does not round them again") {
    const TempDir place;
    const Json online = Json::object({{"quant_method", "bitnet"}, {"linear_class", "autobitlinear"}, {"quantization_mode", "online"}});
    bitnet::write_random_model(place / "model", {.architecture = "bitnet", .keys = {{"quantization_config", online}}});
    write_config(ModelDir(place / "model"), place.path(), false);
    CHECK(bitnet::read_json_file(place / "config.json").find("quantization_config") == nullptr);
}

TEST_CASE("an older config.json gets its type under the older name") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {});
    bitnet_test::edit_json(place / "model" / "config.json", [](Json& json) {
        Json::Object rest;
        for (const auto& member : json.as_object())
            if (member.first != "dtype") rest.push_back(member);
        json = Json::object(std::move(rest));
        json.set("torch_dtype", "float32");
    });
    write_config(ModelDir(place / "model"), place.path(), false);
    const Json written = bitnet::read_json_file(place / "config.json");
    CHECK(written.at("torch_dtype") == Json("float16"));
    CHECK(written.find("dtype") == nullptr);
}

TEST_CASE("config.json of an output says what became of the head") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {.tied = false});
    bitnet_test::edit_json(place / "model" / "config.json", [](Json& json) { json.set("tie_word_embeddings", true); });
    write_config(ModelDir(place / "model"), place.path(), false);  // both are stored and differ
    CHECK(bitnet::read_json_file(place / "config.json").at("tie_word_embeddings") == Json(false));
}

TEST_CASE("a packed output is refused by a reader of plain models") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {});
    fs::create_directory(place / "packed");
    write_config(ModelDir(place / "model"), place / "packed", true);
    CHECK(refusal([&] { bitnet::ModelDir(place / "packed"); }).first == errc::unsupported);
}

TEST_CASE("both outputs hold configuration and tokenizer before the first tensor is written") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {});
    bitnet_test::write_text(place / "model" / "tokenizer.json", std::string("{\0}\r\n", 5));
    bitnet_test::write_text(place / "model" / "merges.txt", "a b");
    bitnet_test::write_text(place / "model" / "notes.md", "not ours");
    const ModelDir model(place / "model");
    fs::create_directory(place / "out");
    const auto outputs = prepare_outputs(model, place / "out", {});
    CHECK(outputs.quantized == place / "out" / "quantized" / "model.safetensors");
    CHECK(outputs.dequantized == place / "out" / "dequantized" / "model.safetensors");
    for (const std::string name : {"quantized", "dequantized"}) {
        const fs::path directory = place / "out" / name;
        CHECK(bitnet_test::read_text(directory / "tokenizer.json") == std::string("{\0}\r\n", 5));
        CHECK(bitnet_test::read_text(directory / "merges.txt") == "a b");
        CHECK(fs::exists(directory / "config.json"));
        CHECK_FALSE(fs::exists(directory / "notes.md"));
        CHECK_FALSE(fs::exists(directory / "model.safetensors"));
    }
    CHECK(refusal([&] { prepare_outputs(model, place / "out", {}); }).first == errc::io);
}

TEST_CASE("an output that nobody wants is not prepared") {
    const TempDir place;
    bitnet::write_random_model(place / "model", {});
    const ModelDir model(place / "model");
    const auto one = prepare_outputs(model, place.path(), {.quantized = false});
    CHECK(one.quantized.empty());
    CHECK(one.dequantized == place / "dequantized" / "model.safetensors");
    CHECK_FALSE(fs::exists(place / "quantized"));
}

TEST_CASE("a model without configuration gets none") {
    const TempDir place;
    bitnet_test::write_weights(place / "w.safetensors", {{"a.weight", bitnet_test::normal({2, 3}, 1)}});
    fs::create_directory(place / "out");
    prepare_outputs(ModelDir(place / "w.safetensors", {.architecture = "generic"}), place / "out", {});
    CHECK(fs::is_empty(place / "out" / "quantized"));
}
