#include <bitnet/model/weight_files.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>

#include <support/temp_dir.hpp>
#include <support/torch_writer.hpp>
#include <support/weights.hpp>

using bitnet::DType;
using bitnet::errc;
using bitnet::Json;
using bitnet::WeightFile;
using bitnet::WeightFiles;
using bitnet_test::TempDir;
using bitnet_test::write_text;
using bitnet_test::write_torch_weights;
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
void check_opening_refused(const std::filesystem::path& path, errc code, const std::string& what) {
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
    check_opening_refused(dir.path(), errc::missing,
                  where + ": no weights: none of model.safetensors, model.safetensors.index.json, pytorch_model.bin, "
                          "pytorch_model.bin.index.json");
}

TEST_CASE("files of torch.save are opened as safetensors are, which come first where both are") {
    const TempDir dir;
    const std::string one = "pytorch_model-00001-of-00002.bin", two = "pytorch_model-00002-of-00002.bin";
    write_torch_weights(dir / one, {{"a", zeros(DType::F32, {2})}});
    write_torch_weights(dir / two, {{"b", zeros(DType::BF16, {3})}});
    write_text(dir / bitnet::torch_weights_index_name,
               bitnet::to_text(Json::object({{"weight_map", Json::object({{"a", one}, {"b", two}})}})));
    {
        const WeightFiles shards(dir.path());
        CHECK(shards.path() == dir / bitnet::torch_weights_index_name);
        REQUIRE(shards.files().size() == 2);
        CHECK(shards.files()[0].find("a") != nullptr);
        CHECK(shards.files()[1].find("b")->dtype == DType::BF16);
    }
    write_torch_weights(dir / "pytorch_model.bin", {{"c", zeros(DType::F32, {2})}});
    CHECK(WeightFiles(dir.path()).path() == dir / "pytorch_model.bin");
    CHECK(WeightFiles(dir.path()).files().at(0).find("c") != nullptr);
    CHECK(WeightFiles(dir / two).files().at(0).find("b") != nullptr);
    write_shards(dir, Json::object({{"a", first}, {"b", second}, {"c", second}}));
    CHECK(WeightFiles(dir.path()).path() == dir / bitnet::weights_index_name);
}

TEST_CASE("a tensor is viewed as it is stored, or gathered and held until it is released") {
    const TempDir dir;
    bitnet_test::Weights weights{{"kept", zeros(DType::F32, {2, 3})}, {"turned", zeros(DType::F32, {2, 3})}};
    for (auto& [name, tensor] : weights)
        for (std::size_t i = 0; i < tensor.bytes.size(); ++i) tensor.bytes[i] = static_cast<std::byte>(i + name.size());
    write_torch_weights(dir / "w.bin", weights, {"turned"});
    write_weights(dir / "w.safetensors", weights);
    for (const std::string file_name : {"w.bin", "w.safetensors"}) {
        WeightFile opened(dir / file_name);
        const WeightFile file = std::move(opened);
        CHECK(file.path() == dir / file_name);
        CHECK(file.notes().empty());
        CHECK(file.find("absent") == nullptr);
        for (int round = 0; round < 2; ++round)
            for (const auto& entry : file.tensors()) {
                const auto& expected = weights.at(entry.name).bytes;
                const auto once = file.view(entry), again = file.view(entry);
                CHECK(once.name == entry.name);
                CHECK(once.bytes.data() == again.bytes.data());
                file.release(entry, 0, 4);
                CHECK(std::equal(once.bytes.begin(), once.bytes.end(), expected.begin(), expected.end()));
                file.release(entry);
            }
    }
}

TEST_CASE("what a file of torch.save holds beside tensors is noted") {
    const TempDir dir;
    write_text(dir / "w.pt", bitnet_test::torch_archive(bitnet_test::pickled("}(" + bitnet_test::text_op("step") + "K\1" +
                                                        bitnet_test::text_op("w") + bitnet_test::whole_op("0", {1}) + "u"),
                                                        {{"0", "1234"}}).text());
    CHECK(WeightFile(dir / "w.pt").notes() ==
          std::vector<std::string>{(dir / "w.pt").string() +
                                   ": \"archive/data.pkl\": 1 value that is no tensor is left out: \"step\""});
}

TEST_CASE("index and shards must agree in both directions") {
    const TempDir dir;
    const std::string index = (dir / bitnet::weights_index_name).string();
    const std::string third = "model-00003-of-00003.safetensors";
    write_shards(dir, Json::object({{"a", first}, {"b", second}, {"c", second}, {"d", third}}));
    check_opening_refused(dir.path(), errc::missing, index + ": shard " + third + " is missing; it should hold \"d\"");
    write_text(dir / bitnet::weights_index_name,
               bitnet::to_text(Json::object({{"weight_map", Json::object({{"a", first}, {"b", second}})}})));
    check_opening_refused(dir.path(), errc::bad_file,
                  index + ": " + second + " holds tensor \"c\", which the index does not place there");
    const auto map = [&](const Json& weight_map) {
        write_text(dir / bitnet::weights_index_name, bitnet::to_text(Json::object({{"weight_map", weight_map}})));
    };
    map(Json::object({{"a", first}, {"b", second}, {"c", second}, {"d", second}}));
    check_opening_refused(dir.path(), errc::missing, index + ": tensor \"d\" is not in " + second);
    map(Json::object({{"a", second}, {"b", second}, {"c", second}, {"d", first}}));
    check_opening_refused(dir.path(), errc::bad_file,
                  index + ": " + first + " holds tensor \"a\", which the index does not place there");
    // The same tensor in two shards.
    write_weights(dir / first, {{"a", zeros(DType::F32, {2})}, {"b", zeros(DType::F32, {3})}});
    map(Json::object({{"a", first}, {"b", second}, {"c", second}}));
    check_opening_refused(dir.path(), errc::bad_file,
                  index + ": " + first + " holds tensor \"b\", which the index does not place there");
}

TEST_CASE("an index cannot lead out of its directory, and must be what an index is") {
    const TempDir dir;
    const std::string index = (dir / bitnet::weights_index_name).string();
    for (const std::string name : {"", ".", "..", "../m.safetensors", "a/b", "a\\b", "/etc/passwd"}) {
        write_shards(dir, Json::object({{"a", name}}));
        const std::string shown = name == "a\\b" ? "a\\\\b" : name;
        check_opening_refused(dir.path(), errc::bad_file,
                      index + ": \"" + shown + "\" is not the name of a file in this directory");
    }
    write_text(index, "{}");
    check_opening_refused(dir.path(), errc::missing, index + ": no key \"weight_map\"");
    write_text(index, R"({"weight_map": []})");
    check_opening_refused(dir.path(), errc::bad_value, index + ": weight_map: expected an object, found an array of 0");
    write_text(index, R"({"weight_map": {"a": 1}})");
    check_opening_refused(dir.path(), errc::bad_value, index + ": weight_map: expected a string, found 1");
}
