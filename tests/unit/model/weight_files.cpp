#include <bitnet/model/weight_files.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include <bitnet/core/error.hpp>

#include <support/temp_dir.hpp>
#include <support/weights.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::Json;
using bitnet::WeightFiles;
using bitnet_test::TempDir;
using bitnet_test::write_text;
using bitnet_test::write_weights;
using bitnet_test::zeros;

namespace {
const std::string first = "model-00001-of-00002.safetensors", second = "model-00002-of-00002.safetensors";

/// Two shards, "a" in the first and "b" and "c" in the second, and the index that `map` is.
void write_shards(const TempDir& dir, const Json& map) {
    write_weights(dir / first, {{"a", zeros(DType::F32, {2})}});
    write_weights(dir / second, {{"b", zeros(DType::F32, {3})}, {"c", zeros(DType::F16, {1})}});
    write_text(dir / bitnet::weights_index_name, bitnet::to_text(Json::object({{"weight_map", map}})));
}
void check_refused(const std::filesystem::path& path, errc code, const std::string& what) {
    try {
        const WeightFiles files(path);
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(problem.what() == what);
        CHECK(problem.code() == code);
    }
}
}  // namespace

TEST_CASE("one file is opened by its own path or by its directory, shards by their index") {
    const TempDir dir;
    write_shards(dir, Json::object({{"a", first}, {"b", second}, {"c", second}}));
    {
        const WeightFiles shards(dir.path());
        CHECK(shards.path() == dir / bitnet::weights_index_name);
        REQUIRE(shards.files().size() == 2);
        CHECK(shards.files()[0].find("a") != nullptr);
        CHECK(shards.files()[1].find("c") != nullptr);
    }
    CHECK(WeightFiles(dir / second).files().size() == 1);
    write_weights(dir / "model.safetensors", {{"a", zeros(DType::F32, {2})}});
    const WeightFiles one(dir.path());  // which then comes before the index
    CHECK(one.path() == dir / "model.safetensors");
    CHECK(one.files().size() == 1);
}

TEST_CASE("a directory without weights is refused by what was looked for") {
    const TempDir dir;
    const std::string where = dir.path().string();
    write_weights(dir / "consolidated.safetensors", {});
    check_refused(dir.path(), errc::missing,
                  where + ": no weights: neither model.safetensors nor model.safetensors.index.json");
    write_text(dir / "pytorch_model.bin.index.json", "{}");
    check_refused(dir.path(), errc::unsupported,
                  where + "/pytorch_model.bin.index.json is not supported yet; convert the model to safetensors");
    write_text(dir / "pytorch_model.bin", "");
    check_refused(dir.path(), errc::unsupported,
                  where + "/pytorch_model.bin is not supported yet; convert the model to safetensors");
}

TEST_CASE("index and shards must agree in both directions") {
    const TempDir dir;
    const std::string index = (dir / bitnet::weights_index_name).string();
    const std::string third = "model-00003-of-00003.safetensors";
    write_shards(dir, Json::object({{"a", first}, {"b", second}, {"c", second}, {"d", third}}));
    check_refused(dir.path(), errc::missing, index + ": shard " + third + " is missing; it should hold \"d\"");
    write_text(dir / bitnet::weights_index_name,
               bitnet::to_text(Json::object({{"weight_map", Json::object({{"a", first}, {"b", second}})}})));
    check_refused(dir.path(), errc::bad_file,
                  index + ": " + second + " holds tensor \"c\", which the index does not place there");
    const auto map = [&](const Json& weight_map) {
        write_text(dir / bitnet::weights_index_name, bitnet::to_text(Json::object({{"weight_map", weight_map}})));
    };
    map(Json::object({{"a", first}, {"b", second}, {"c", second}, {"d", second}}));
    check_refused(dir.path(), errc::missing, index + ": tensor \"d\" is not in " + second);
    map(Json::object({{"a", second}, {"b", second}, {"c", second}, {"d", first}}));
    check_refused(dir.path(), errc::bad_file,
                  index + ": " + first + " holds tensor \"a\", which the index does not place there");
    // The same tensor in two shards.
    write_weights(dir / first, {{"a", zeros(DType::F32, {2})}, {"b", zeros(DType::F32, {3})}});
    map(Json::object({{"a", first}, {"b", second}, {"c", second}}));
    check_refused(dir.path(), errc::bad_file,
                  index + ": " + first + " holds tensor \"b\", which the index does not place there");
}

TEST_CASE("an index cannot lead out of its directory, and must be what an index is") {
    const TempDir dir;
    const std::string index = (dir / bitnet::weights_index_name).string();
    for (const std::string name : {"", ".", "..", "../m.safetensors", "a/b", "a\\b", "/etc/passwd"}) {
        write_shards(dir, Json::object({{"a", name}}));
        const std::string shown = name == "a\\b" ? "a\\\\b" : name;
        check_refused(dir.path(), errc::bad_file,
                      index + ": \"" + shown + "\" is not the name of a file in this directory");
    }
    write_text(index, "{}");
    check_refused(dir.path(), errc::missing, index + ": no key \"weight_map\"");
    write_text(index, R"({"weight_map": []})");
    check_refused(dir.path(), errc::bad_value, index + ": weight_map: expected an object, found an array of 0");
    write_text(index, R"({"weight_map": {"a": 1}})");
    check_refused(dir.path(), errc::bad_value, index + ": weight_map: expected a string, found 1");
}
