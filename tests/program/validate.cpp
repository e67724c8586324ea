#include "program.hpp"

#include <bitnet/io/sha256.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::json_of;
using bitnet_test::read_text;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::TempDir;
using bitnet_test::Workplace;
using bitnet_test::write_text;

namespace {

/// A place with an output of a model that has a tokenizer.
struct Delivery : Workplace {
    explicit Delivery(const bitnet_test::Arguments& more = {}) {
        write_text(model() / "tokenizer.json", "{}");
        bitnet_test::Arguments all{"--gates", "off"};  // a random model of this size passes none
        all.insert(all.end(), more.begin(), more.end());
        REQUIRE(run_program(compress(all)).status == 0);
    }
    fs::path packed() const { return out() / "quantized" / "model.safetensors"; }
    fs::path record() const { return out() / "compression_metadata.json"; }
    /// What the program says of a fault: status 3, a line for each check that failed.
    std::string complaint() const {
        const auto result = run_program({"validate", out(), "--no-gradient-flow"});
        CHECK(result.status == 3);
        CHECK(says(result.out, "failed   "));
        const std::string begin = "bitnet: " + out().string() + ": ";
        std::istringstream lines(result.err);
        for (std::string line; std::getline(lines, line);) CHECK(line.starts_with(begin));
        return result.err;
    }
    std::string starts(const char* check) const { return "bitnet: " + out().string() + ": " + check + ": "; }
};

}  // namespace

TEST_CASE("a fresh output is valid, and each check says what it found") {
    const Delivery delivery;
    const auto result = run_program({"validate", delivery.out()});
    CHECK(result.status == 0);
    CHECK(result.err.empty());
    CHECK(says(result.out, "passed   files          7 files of together "));
    CHECK(says(result.out, "passed   gradient_flow  every one of "));
    const Json json = json_of({"validate", delivery.out()});
    CHECK(json.at("passed") == Json(true));
    REQUIRE(json.at("checks").as_array().size() == 10);
    for (const Json& check : json.at("checks").as_array()) CHECK(check.at("state").as_string() != "failed");
    for (const char* const knob : {"save_quantized=false", "save_dequantized_fp16=false"}) {
        REQUIRE(run_program(delivery.compress({"--gates", "off", "--force", "--set", knob})).status == 0);
        CHECK(json_of({"validate", delivery.out()}).at("passed") == Json(true));
    }
}

TEST_CASE("files of metrics in an output are no tokenizer's") {
    const Delivery delivery({"--set", "wandb_enabled=true"});
    CHECK(fs::exists(delivery.out() / "wandb"));
    const auto result = run_program({"validate", delivery.out(), "--no-gradient-flow"});
    CHECK(result.status == 0);
    CHECK(says(result.out, "tokenizer      1 file, the same"));
}

TEST_CASE("a flipped byte, a file cut short, a missing tokenizer and another ratio end in 3 and are named") {
    const Delivery delivery;
    const std::string weights = read_text(delivery.packed());
    std::string flipped = weights;
    flipped[weights.size() / 2] = static_cast<char>(flipped[weights.size() / 2] ^ 1);
    write_text(delivery.packed(), flipped);
    CHECK(says(delivery.complaint(), delivery.starts("files") + "quantized/model.safetensors has sha256 " + bitnet::sha256_hex(flipped)));
    write_text(delivery.packed(), weights.substr(0, weights.size() - 10));
    CHECK(says(delivery.complaint(), delivery.starts("files") + "quantized/model.safetensors has "));
    CHECK(says(delivery.complaint(), "\n" + delivery.starts("packed_model")));
    write_text(delivery.packed(), weights);
    fs::rename(delivery.out() / "dequantized" / "tokenizer.json", delivery.dir / "kept");
    CHECK(says(delivery.complaint(), delivery.starts("files") + "dequantized/tokenizer.json is missing"));
    CHECK(says(delivery.complaint(), delivery.starts("tokenizer") + "dequantized/tokenizer.json is missing"));
    fs::rename(delivery.dir / "kept", delivery.out() / "dequantized" / "tokenizer.json");
    CHECK(run_program({"validate", delivery.out()}).status == 0);
    Json record = bitnet::read_json_file(delivery.record());
    write_text(delivery.record(), bitnet::to_text(record.set("compression_ratio", 12.5)));
    CHECK(delivery.complaint().starts_with(delivery.starts("sizes") + "compression_ratio is 12.5, "));
    const auto result = run_program({"validate", delivery.out(), "--json", "--no-gradient-flow"});
    CHECK(result.status == 3);
    CHECK(bitnet::parse_json(result.out, "output").at("passed") == Json(false));
}

TEST_CASE("an output of before there were lists of files says so and is valid") {
    const Delivery delivery;
    Json::Object rest = bitnet::read_json_file(delivery.record()).as_object();
    std::erase_if(rest, [](const Json::Member& member) { return member.first == "files"; });
    write_text(delivery.record(), bitnet::to_text(Json::object(rest)));
    const auto result = run_program({"validate", delivery.out(), "--no-gradient-flow"});
    CHECK(result.status == 0);
    CHECK(says(result.out, "skipped  files          the record lists no files"));
    CHECK(says(result.out, "skipped  gradient_flow  nobody asked for it"));
}

TEST_CASE("what is no output is bad input") {
    const Workplace place;
    CHECK(refusal_of_program({"validate", place.out()}) == place.out().string() + ": no such directory");
    CHECK(says(refusal_of_program({"validate", place.model()}), ": no output of a compression: "));
    CHECK(run_program({"validate"}).status == 2);
}

TEST_CASE("what an earlier phase says is compared, and what it says wrongly is in the record") {
    const Workplace place;
    write_text(place.dir / "h.json", R"({"model_size_mb": 3, "pre_perplexity": 12, "tokenizer_path": "model"})");
    const Json record = json_of(place.compress({"--handoff", place.dir / "h.json"}));
    const Json& said = record.at("hand_in");
    CHECK(said.at("parameters") == record.at("total_params"));
    CHECK(said.at("size_category").as_string() == "tiny");
    const Json::Array& checks = said.at("checks").as_array();
    REQUIRE(checks.size() == 4);
    CHECK(says(checks[0].at("sentence").as_string(), "4 or 8 bits"));
    CHECK(checks[1].at("state").as_string() == "skipped");  // without a text there is no perplexity
    CHECK(checks[2].at("state").as_string() == "warning");
    CHECK(checks[3].at("state").as_string() == "passed");
    const auto told = run_program(place.compress({"--handoff", place.dir / "h.json", "--force"}));
    CHECK(says(told.out, "note        model_size_mb is said to be 3, measured is "));
    fs::remove_all(place.out());
    write_text(place.dir / "h.json", R"({"model_size": 3})");
    CHECK(says(place.refusal({"--handoff", place.dir / "h.json"}), "did you mean \"model_size_mb\"?"));
    write_text(place.dir / "h.json", R"({"tokenizer_path": "nowhere"})");
    CHECK(says(place.refusal({"--handoff", place.dir / "h.json"}), "does not exist"));
    CHECK(says(place.refusal({"--handoff", place.dir / "none.json"}), "no such file"));
}

TEST_CASE("a register holds two entries of a run and is listed") {
    const Workplace place;
    const fs::path file = place.dir / "register.json";
    CHECK(says(refusal_of_program({"registry", "list", file}), "no such file"));
    for (int i = 0; i < 2; ++i) REQUIRE(run_program(place.compress({"--registry", file, "--force"})).status == 0);  // the same model again
    const Json json = json_of({"registry", "list", file});
    const Json::Array& entries = json.at("entries").as_array();
    REQUIRE(entries.size() == 2);
    const auto sum = [](const fs::path& path) { return Json(bitnet::sha256_of_file(path)); };
    for (std::size_t i = 0; i < 2; ++i) {
        const fs::path directory = place.out() / (i == 0 ? "quantized" : "dequantized");
        CHECK(entries[i].at("role").as_string() == (i == 0 ? "packed" : "fp16"));
        CHECK(entries[i].at("path").as_string() == directory.string());
        CHECK(entries[i].at("sha256") == sum(directory / "model.safetensors"));
        CHECK(entries[i].at("parent") == sum(place.weights()));
    }
    CHECK(entries[0].at("metrics").at("compression_ratio") == bitnet::read_json_file(place.out() / "compression_metadata.json").at("compression_ratio"));
    const auto shown = run_program({"registry", "list", file});
    CHECK(says(shown.out, (place.out() / "quantized").string()));
    CHECK(says(shown.out, entries[1].at("id").as_string()));
    CHECK(run_program({"registry"}).status == 2);
    write_text(file, "{}");
    CHECK(says(refusal_of_program(place.compress({"--registry", file, "--force"})), "no register of models"));
}
