#include <bitnet/pipeline/registry.hpp>

#include <doctest/doctest.h>

#include <set>
#include <thread>

#include <unit/io/child_process.hpp>

#include "models.hpp"

namespace fs = std::filesystem;
using bitnet::add_to_registry;
using bitnet::errc;
using bitnet::Json;
using bitnet::read_registry;
using bitnet::RegistryEntry;
using bitnet_test::read_text;
using bitnet_test::refusal;
using bitnet_test::TempDir;
using bitnet_test::write_text;

namespace {

RegistryEntry entry_named(const std::string& id) {
    return {.id = id, .role = "packed", .path = "/models/" + id, .sha256 = bitnet::sha256_hex(id), .bytes = 7, .parent = bitnet::sha256_hex("parent"),
            .created = "2026-01-02T03:04:05Z", .metrics = Json::object({{"perplexity", 12.5}})};
}
std::set<std::string> ids_of(const fs::path& file) {
    std::set<std::string> out;
    for (const RegistryEntry& entry : read_registry(file)) out.insert(entry.id);
    return out;
}

}  // namespace

TEST_CASE("entries that were added are read again, oldest first") {
    const TempDir place;
    CHECK(refusal([&] { read_registry(place / "r.json"); }).first == errc::missing);
    add_to_registry(place / "r.json", {entry_named("a"), entry_named("b")});
    add_to_registry(place / "r.json", {entry_named("c")});
    CHECK(read_registry(place / "r.json") == std::vector<RegistryEntry>{entry_named("a"), entry_named("b"), entry_named("c")});
    RegistryEntry again = entry_named("a");
    again.created = "2026-02-02T03:04:05Z";
    add_to_registry(place / "r.json", {again});
    CHECK(read_registry(place / "r.json") == std::vector<RegistryEntry>{entry_named("b"), entry_named("c"), again});
    CHECK_FALSE(fs::exists(place / "r.json.partial"));
    CHECK(fs::exists(place / "r.json.lock"));
}

TEST_CASE("what others wrote into a register stays") {
    const TempDir place;
    add_to_registry(place / "r.json", {entry_named("a")});
    Json document = bitnet::read_json_file(place / "r.json");
    document.set("owner", "somebody");
    Json row = document.at("entries").as_array()[0];
    document.set("entries", Json::array({row.set("note", "good")}));
    write_text(place / "r.json", bitnet::to_text(document));
    add_to_registry(place / "r.json", {entry_named("b")});
    const Json after = bitnet::read_json_file(place / "r.json");
    CHECK(after.at("owner").as_string() == "somebody");
    CHECK(after.at("entries").as_array().at(0).at("note").as_string() == "good");
    CHECK(after.at("entries").as_array().size() == 2);
}

TEST_CASE("processes and threads that add at the same time lose nothing, and readers never find half a file") {
    const TempDir place;
    add_to_registry(place / "r.json", {entry_named("first")});
    constexpr int processes = 4, entries = 12;
    std::vector<pid_t> children;
    for (int p = 0; p < processes; ++p)
        children.push_back(bitnet_test::start_child([&] {
            for (int i = 0; i < entries; ++i) add_to_registry(place / "r.json", {entry_named(std::to_string(p) + "-" + std::to_string(i))});
            return 0;
        }));
    std::thread here([&] {
        for (int i = 0; i < entries; ++i) add_to_registry(place / "r.json", {entry_named("t-" + std::to_string(i))});
    });
    std::size_t before = 1;
    for (int i = 0; i < 200; ++i) {
        const std::size_t now = read_registry(place / "r.json").size();
        CHECK(now >= before);
        before = now;
    }
    here.join();
    for (const pid_t child : children) CHECK(bitnet_test::end_of(child) == 0);
    CHECK(read_registry(place / "r.json").size() == 1 + (processes + 1) * entries);
    CHECK(ids_of(place / "r.json").size() == 1 + (processes + 1) * entries);
}

TEST_CASE("a file that is no register is refused and left alone") {
    const TempDir place;
    const auto refused = [&](const std::string& text) {
        write_text(place / "r.json", text);
        const auto [code, what] = refusal([&] { add_to_registry(place / "r.json", {entry_named("a")}); });
        CHECK(read_text(place / "r.json") == text);
        CHECK(what.starts_with((place / "r.json").string() + ": "));
        CHECK(what == refusal([&] { read_registry(place / "r.json"); }).second);
        return what.substr((place / "r.json").string().size() + 2);
    };
    CHECK(refused("{}") == "no register of models: \"bitnet_registry\" is not 1");
    CHECK(refused("[]") == "no register of models: \"bitnet_registry\" is not 1");
    CHECK(refused(R"({"bitnet_registry": 2, "entries": []})") == "no register of models: \"bitnet_registry\" is not 1");
    CHECK(refused(R"({"bitnet_registry": 1})") == "no key \"entries\"");
    CHECK(refused(R"({"bitnet_registry": 1, "entries": [{}]})") == "entries[0]: no key \"id\"");
    const auto with = [](std::string_view key, Json value) {
        return bitnet::to_text(Json::object({{"bitnet_registry", 1}, {"entries", Json::array({to_json(entry_named("a")).set(key, std::move(value))})}}));
    };
    CHECK(refused(with("bytes", -1)) == "entries[0]: bytes: expected an unsigned integer, found -1");
    CHECK(refused(with("sha256", "x")) == "entries[0]: sha256 \"x\", expected 64 digits of 0 to 9 and a to f");
    CHECK(refused(with("metrics", 3)) == "entries[0]: metrics: expected an object, found 3");
    CHECK(refused(with("id", "")) == "entries[0]: id is empty");
    CHECK(refused("{").starts_with("not JSON"));
}

TEST_CASE("weights are known by their bytes, shards with their index") {
    const TempDir place;
    bitnet::write_random_model(place / "one", {.layers = 1});
    CHECK(bitnet::weights_sha256(place / "one") == bitnet::sha256_of_file(place / "one" / "model.safetensors"));
    CHECK(bitnet::weights_sha256(place / "one" / "model.safetensors") == bitnet::weights_sha256(place / "one"));
    bitnet::write_random_model(place / "shards", {.layers = 1, .shards = 2});
    std::set<std::string> shards;  // by name
    for (const auto& file : fs::directory_iterator(place / "shards"))
        if (file.path().extension() == ".safetensors") shards.insert(file.path());
    REQUIRE(shards.size() == 2);
    std::string all = read_text(place / "shards" / "model.safetensors.index.json");
    for (const std::string& shard : shards) all += read_text(shard);
    CHECK(bitnet::weights_sha256(place / "shards") == bitnet::sha256_hex(all));
}

TEST_CASE("an output has an entry for each model that is there, with the figures of its record") {
    const TempDir place;
    fs::create_directories(place / "out" / "quantized");
    write_text(place / "out" / "quantized" / "model.safetensors", "abc");
    const Json record = Json::object({{"original_bytes", 24}, {"sparsity_ratio", 0.25}, {"fine_tuning", Json::object({{"pre_perplexity", 10}, {"post_compression_perplexity", 12}})}});
    const auto one = bitnet::entries_of_output(place / "out", record, "parent");
    REQUIRE(one.size() == 1);
    CHECK(one[0].role == "packed");
    CHECK(one[0].path == (place / "out" / "quantized").string());
    CHECK(one[0].sha256 == bitnet::sha256_hex("abc"));
    CHECK(one[0].bytes == 3);
    CHECK(one[0].parent == "parent");
    CHECK(one[0].metrics == Json::object({{"perplexity", 12.0}, {"original_perplexity", 10.0}, {"sparsity_ratio", 0.25}, {"compression_ratio", 8.0}}));
    fs::create_directories(place / "out" / "dequantized");
    write_text(place / "out" / "dequantized" / "model.safetensors", "abcdefghijkl");
    const auto both = bitnet::entries_of_output(place / "out", record, "parent");
    REQUIRE(both.size() == 2);
    CHECK(both[0].id == one[0].id);  // the same model at the same place
    CHECK(both[1].role == "fp16");
    CHECK(both[1].metrics.at("compression_ratio") == Json(2.0));
    CHECK(both[1].id != both[0].id);
    CHECK(both[1].id.size() == 16);
    add_to_registry(place / "r.json", both);
    CHECK(read_registry(place / "r.json") == both);
    const std::string& time = both[0].created;  // 2026-01-02T03:04:05Z
    REQUIRE(time.size() == 20);
    CHECK((time[4] == '-' && time[10] == 'T' && time[13] == ':' && time[19] == 'Z'));
}
