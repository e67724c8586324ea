#include "program.hpp"

#include <bitnet/model/model_dir.hpp>
#include <bitnet/model/packed_model.hpp>

#include <support/data.hpp>
#include <support/weights.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::json_of;
using bitnet_test::names_in;
using bitnet_test::read_text;
using bitnet_test::read_weights;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::TempDir;
using bitnet_test::Workplace;
using Names = std::set<std::string>;

TEST_CASE("compress writes a packed and an FP16 model with everything beside them") {
    const Workplace place;
    bitnet_test::write_text(place.model() / "tokenizer.json", "{\"a\": 1}\r\n");
    const auto result = run_program({"compress", place.model(), "-o", place.out()});
    CHECK(result.status == 0);
    CHECK(names_in(place.dir.path()) == Names{"model", "out"});
    CHECK(names_in(place.out()) == Names{"compression_metadata.json", "dequantized", "metrics.jsonl", "quantized", "report.html"});
    for (const std::string name : {"quantized", "dequantized"}) {
        CHECK(names_in(place.out() / name) == Names{"config.json", "model.safetensors", "tokenizer.json"});
        CHECK(read_text(place.out() / name / "tokenizer.json") == "{\"a\": 1}\r\n");
    }
    bitnet::PackedModel(place.out() / "quantized");
    bitnet::ModelDir(place.out() / "dequantized");
    // The table goes to standard output, progress to standard error.
    CHECK(says(result.out, "model.layers.0.mlp.up_proj.weight"));
    CHECK(says(result.out, "written     " + place.out().string()));
    CHECK_FALSE(result.err.empty());
    std::istringstream lines(result.err);
    for (std::string line; std::getline(lines, line);) CHECK(line.starts_with("compress: "));
}

TEST_CASE("quiet silences progress and nothing else") {
    const Workplace place;
    const auto loud = run_program({"compress", place.model(), "-o", place.out()});
    const auto quiet = run_program({"compress", place.model(), "-o", place.out(), "--force", "--quiet"});
    CHECK(quiet.status == 0);
    CHECK(quiet.err.empty());
    CHECK(says(quiet.out, "ratio"));
    CHECK_FALSE(loud.err.empty());
}

TEST_CASE("compress prints its metadata as one JSON object") {
    const Workplace place;
    const Json json = json_of({"compress", place.model(), "-o", place.out(), "--threads", "1"});
    CHECK(json == bitnet::read_json_file(place.out() / "compression_metadata.json"));
    for (const std::string key : {"compression_ratio", "sparsity_ratio", "layers_quantized", "layers_preserved", "total_params",
                                  "quantized_params", "original_bytes", "quantized_bytes", "dequantized_bytes", "seconds",
                                  "recipe", "policies", "config", "tensors", "notes", "bitnet_version", "kernels"})
        CHECK_MESSAGE(json.find(key) != nullptr, key);
    CHECK(json.at("layers_quantized") == Json(7));
    CHECK(json.at("quantized_bytes").as_unsigned() == fs::file_size(place.out() / "quantized" / "model.safetensors"));
    const double ratio = json.at("original_bytes").as_double() / json.at("quantized_bytes").as_double();
    CHECK(json.at("compression_ratio").as_double() == doctest::Approx(ratio));
    CHECK(json.at("size_category") == Json("tiny"));
}

TEST_CASE("the number of threads changes no byte of the weights") {
    const Workplace place({.hidden_size = 128, .intermediate_size = 1024});
    REQUIRE(run_program({"compress", place.model(), "-o", place.dir / "one", "-q", "--threads", "1"}).status == 0);
    REQUIRE(run_program({"compress", place.model(), "-o", place.dir / "two", "-q", "--threads", "2"}).status == 0);
    for (const std::string name : {"quantized/model.safetensors", "dequantized/model.safetensors"})
        CHECK(read_text(place.dir / "one" / name) == read_text(place.dir / "two" / name));
}

TEST_CASE("a setting wins over the file, and the file over the default") {
    const Workplace place;
    bitnet_test::write_text(place.dir / "knobs.json", R"({"sparsity_threshold": 0.3, "save_dequantized_fp16": false})");
    const bitnet_test::Arguments command{"compress", place.model(), "-o", place.out(), "--recipe", "phase4", "--force"};
    const auto threshold = [&](const bitnet_test::Arguments& more) {
        bitnet_test::Arguments all = command;
        all.insert(all.end(), more.begin(), more.end());
        return json_of(all).at("policies").at("sparsity").as_string();
    };
    CHECK(threshold({}) == "fixed{.threshold=0.05}");  // of a tiny model
    CHECK(fs::exists(place.out() / "dequantized"));
    const std::string file = place.dir / "knobs.json";
    CHECK(threshold({"--config", file}) == "fixed{.threshold=0.3}");
    CHECK_FALSE(fs::exists(place.out() / "dequantized"));
    CHECK(threshold({"--config", file, "--set", "sparsity_threshold=0.4"}) == "fixed{.threshold=0.4}");
    CHECK(threshold({"--sparsity-threshold", "0.6", "--config", file}) == "fixed{.threshold=0.6}");
}

TEST_CASE("model and output may stand in the configuration file") {
    const Workplace place;
    bitnet_test::write_text(place.dir / "knobs.json", bitnet::to_text(Json::object(
        {{"model_path", place.model().string()}, {"output_path", place.out().string()}})));
    CHECK(run_program({"compress", "--config", place.dir / "knobs.json", "-q"}).status == 0);
    CHECK(fs::exists(place.out() / "quantized" / "model.safetensors"));
}

TEST_CASE("every recipe, layout and precision makes a model that reads back") {
    const Workplace place;
    for (const std::string recipe : {"default", "phase4", "bitnet158"})
        for (const std::string layout : {"trit2", "trit5", "int8"}) {
            INFO(recipe, " ", layout);
            REQUIRE(run_program(place.compress({"--force", "--recipe", recipe, "--layout", layout})).status == 0);
            CHECK(json_of({"inspect", place.out()}).at("kind") == Json("packed"));
        }
    for (const std::string kept : {"fp32", "bf16", "int8"})
        for (const std::string scale : {"fp32", "bf16"}) {
            INFO(kept, " ", scale);
            REQUIRE(run_program(place.compress({"--force", "--keep-as", kept, "--scale-type", scale})).status == 0);
            const Json tensor = json_of({"inspect", place.out(), "--tensor", "model.embed_tokens.weight"}).at("tensors").as_array()[0];
            CHECK(tensor.at("stored_as") == Json(kept == "fp32" ? "F32" : kept == "bf16" ? "BF16" : "I8"));
        }
}

TEST_CASE("patterns keep tensors and make others ternary") {
    const Workplace place;
    const Json json = json_of({"compress", place.model(), "-o", place.out(), "--keep", "*.q_proj.*", "--ternary", "*embed*"});
    for (const Json& tensor : json.at("tensors").as_array()) {
        const std::string& name = tensor.at("name").as_string();
        if (says(name, ".q_proj.")) CHECK(tensor.at("treatment") == Json("fp16"));
        if (says(name, "embed")) CHECK(tensor.at("treatment") == Json("ternary"));
    }
}

TEST_CASE("a safetensors file alone is compressed by its names") {
    const Workplace place;
    CHECK(run_program({"compress", place.weights(), "-o", place.out(), "--arch", "generic", "-q"}).status == 0);
    CHECK(names_in(place.out() / "quantized") == Names{"model.safetensors"});
    CHECK(says(refusal_of_program({"compress", place.weights(), "-o", place.dir / "other", "-q"}), "architecture \"generic\""));
}

TEST_CASE("dequantize gives the FP16 model back, and other types") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    const fs::path dense = place.dir / "dense";
    CHECK(run_program({"dequantize", place.out(), "-o", dense, "-q"}).status == 0);
    CHECK(read_text(dense / "model.safetensors") == read_text(place.out() / "dequantized" / "model.safetensors"));
    CHECK(bitnet::read_json_file(dense / "config.json") == bitnet::read_json_file(place.out() / "dequantized" / "config.json"));
    CHECK(refusal_of_program({"dequantize", place.out(), "-o", dense, "-q"}) == dense.string() + " exists; use --force to replace it");
    const Json json = json_of({"dequantize", place.out() / "quantized", "-o", dense, "--force", "--dtype", "bf16"});
    CHECK(json.at("dtype") == Json("BF16"));
    CHECK(json.at("bytes").as_unsigned() == fs::file_size(dense / "model.safetensors"));
    CHECK(bitnet::read_json_file(dense / "config.json").at("dtype") == Json("bfloat16"));
    CHECK(bitnet::ModelDir(dense).tensors()[0].dtype == bitnet::DType::BF16);
}

TEST_CASE("dequantize replaces what it wrote from a packed file alone") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    const bitnet_test::Arguments command{"dequantize", place.out() / "quantized" / "model.safetensors", "-o", place.dir / "dense", "-q", "--force"};
    CHECK(run_program(command).status == 0);
    CHECK(names_in(place.dir / "dense") == Names{"bitnet_output.json", "model.safetensors"});
    CHECK(run_program(command).status == 0);
    CHECK(run_program({"dequantize", place.out() / "quantized" / "model.safetensors", "-o", place.dir / "loud"}).status == 0);
}

TEST_CASE("dequantize refuses what is not packed or is damaged, and leaves nothing") {
    const Workplace place;
    const fs::path dense = place.dir / "dense";
    CHECK(refusal_of_program({"dequantize", place.dir / "none", "-o", dense, "-q"}) ==
          (place.dir / "none").string() + ": no such file or directory");
    CHECK(says(refusal_of_program({"dequantize", place.model(), "-o", dense, "-q"}), "this is not a packed model"));
    REQUIRE(run_program(place.compress()).status == 0);
    const fs::path packed = place.out() / "quantized" / "model.safetensors";
    std::string bytes = read_text(packed);
    const bitnet::SafetensorsFile file(packed);
    const auto& codes = file.at("model.layers.0.mlp.up_proj.weight.codes");
    const std::size_t data = bytes.size() - file.tensors().back().end;
    bytes[data + codes.begin + 5] = '\x03';
    fs::remove(packed);
    bitnet_test::write_text(packed, bytes);
    CHECK(refusal_of_program({"dequantize", place.out(), "-o", dense, "-q"}) ==
          packed.string() + ": tensor \"model.layers.0.mlp.up_proj.weight.codes\": byte 3 at row 1, byte 1 of the row is no trit2 byte");
    CHECK(says(refusal_of_program({"inspect", place.out()}), "is no trit2 byte"));
    CHECK(names_in(place.dir.path()) == Names{"model", "out"});
}

TEST_CASE("inspect shows a model, a packed model and a bare file") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    const Json model = json_of({"inspect", place.model()});
    CHECK(model.at("kind") == Json("model"));
    CHECK(model.at("architecture") == Json("LlamaForCausalLM"));
    CHECK(model.at("parameters").as_unsigned() == bitnet::ModelDir(place.model()).parameter_count());
    CHECK(model.at("tensors").as_array().size() == bitnet::ModelDir(place.model()).tensors().size());
    const Json packed = json_of({"inspect", place.out()});
    CHECK(packed.at("kind") == Json("packed"));
    CHECK(packed.at("parameters") == model.at("parameters"));
    CHECK(packed.at("policies").find("quantizer") != nullptr);
    CHECK(json_of({"inspect", place.out() / "quantized"}) == packed);
    CHECK(json_of({"inspect", place.out() / "quantized" / "model.safetensors"}) == packed);
    CHECK(json_of({"inspect", place.weights()}).at("architecture") == Json("generic"));
    for (const fs::path& path : {place.model(), place.out(), place.weights()}) {
        const auto text = run_program({"inspect", path});
        CHECK(text.status == 0);
        CHECK(text.err.empty());
        CHECK(says(text.out, "model.layers.0.self_attn.q_proj.weight"));
    }
}

TEST_CASE("inspect shows one tensor with its values, and names one that is not there") {
    const Workplace place;
    REQUIRE(run_program(place.compress()).status == 0);
    for (const fs::path& path : {place.model(), place.out()}) {
        const Json json = json_of({"inspect", path, "--tensor", "model.norm.weight"});
        REQUIRE(json.at("tensors").as_array().size() == 1);
        CHECK(json.at("tensors").as_array()[0].at("values").at("mean") == Json(1.0));
        CHECK(says(refusal_of_program({"inspect", path, "--tensor", "model.norm"}), ": no tensor is called \"model.norm\""));
    }
    const Json ternary = json_of({"inspect", place.out(), "--tensor", "model.layers.0.mlp.up_proj.weight"}).at("tensors").as_array()[0];
    CHECK(ternary.find("scale_values") != nullptr);
    CHECK(refusal_of_program({"inspect", place.dir / "none"}) == (place.dir / "none").string() + ": no such file or directory");
}

TEST_CASE("random models of every architecture can be made, and are the same for the same seed") {
    const TempDir place;
    for (const auto& family : bitnet::architectures) {
        INFO(family.name);
        const fs::path out = place / family.name;
        const Json json = json_of({"random-model", out, "--arch", std::string(family.name), "--hidden", "32", "--vocab", "50",
                                   "--intermediate", "48", "--layers", "1", "--untied", "--dtype", "bf16", "--shards", "2"});
        const bitnet::ModelDir model(out);
        CHECK(json.at("parameters").as_unsigned() == model.parameter_count());
        CHECK(model.files().size() == 2);
        CHECK_FALSE(model.tied_head());
        CHECK(model.tensors()[0].dtype == bitnet::DType::BF16);
    }
    for (const std::string name : {"a", "b"})
        CHECK(run_program({"random-model", place / name, "--seed", "9", "--layers", "1"}).status == 0);
    CHECK(read_text(place / "a" / "model.safetensors") == read_text(place / "b" / "model.safetensors"));
    CHECK(refusal_of_program({"random-model", place / "a"}) == (place / "a").string() + " exists; use --force to replace it");
    CHECK(run_program({"random-model", place / "a", "--force", "--seed", "10", "--layers", "1"}).status == 0);
    CHECK(read_text(place / "a" / "model.safetensors") != read_text(place / "b" / "model.safetensors"));
}

TEST_CASE("a random model of sizes that cannot be is refused and leaves nothing") {
    const TempDir place;
    CHECK(says(refusal_of_program({"random-model", place / "m", "--hidden", "0"}), "hidden_size"));
    CHECK(says(refusal_of_program({"random-model", place / "m", "--heads", "3"}), "head"));
    CHECK(says(refusal_of_program({"random-model", place / "m", "--shards", "0"}), "0 shards"));
    CHECK(says(refusal_of_program({"random-model", place / "m", "--arch", "foo"}), "known: llama"));
    CHECK(names_in(place.path()).empty());
}

TEST_CASE("the trained model of the test data loses what was measured, at less than three bits a ternary weight") {
    const auto data = bitnet_test::shared_data();
    const fs::path model = data ? *data / "models" / "tinystories-656k" : fs::path();
    if (!data || !fs::exists(model)) {
        MESSAGE("skipped: the shared test data is not here");
        return;
    }
    const TempDir place;
    const Json json = json_of({"compress", model, "-o", place / "out"});
    CHECK(json.at("total_params") == Json(656'000));
    CHECK(json.at("distortion").at("relative_error").as_double() == doctest::Approx(0.429).epsilon(0.01));
    CHECK(json.at("sparsity_ratio").as_double() == doctest::Approx(0.457).epsilon(0.01));
    CHECK(read_text(place / "out" / "quantized" / "tokenizer.json") == read_text(model / "tokenizer.json"));
    for (const Json& tensor : json.at("tensors").as_array())
        if (tensor.at("treatment") == Json("ternary")) CHECK(tensor.at("bits_per_weight").as_double() < 3);
}
