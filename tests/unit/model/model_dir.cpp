#include <bitnet/model/model_dir.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/model/random_model.hpp>

#include <support/data.hpp>
#include <support/temp_dir.hpp>
#include <support/torch_writer.hpp>
#include <support/weights.hpp>

#include "packed_by_transformers.hpp"

using bitnet::DType;
using bitnet::errc;
using bitnet::Json;
using bitnet::ModelDir;
using bitnet::ModelDirOptions;
using bitnet::ModelTensor;
using bitnet::RandomModel;
using bitnet::Shape;
using bitnet::TensorRole;
using bitnet_test::edit_json;
using bitnet_test::edit_weights;
using bitnet_test::TempDir;
using bitnet_test::Weights;
using bitnet_test::zeros;

namespace {
constexpr std::string_view embedding_name = "model.embed_tokens.weight", head = "lm_head.weight";

/// A random model in a directory of its own.
struct Made {
    explicit Made(const RandomModel& model = {}) { bitnet::write_random_model(dir.path(), model); }
    std::filesystem::path weights() const { return dir / "model.safetensors"; }
    std::filesystem::path config() const { return dir / "config.json"; }
    TempDir dir;
};

void check_refused(const std::filesystem::path& path, errc code, const std::string& what,
                   const ModelDirOptions& options = {}) {
    try {
        const ModelDir model(path, options);
        FAIL("not refused: " << what);
    } catch (const bitnet::error& problem) {
        CHECK(problem.what() == what);
        CHECK(problem.code() == code);
    }
}

/// Moves a tensor to another name.
void rename(Weights& weights, std::string_view from, std::string_view to) {
    auto node = weights.extract(std::string(from));
    node.key() = to;
    weights.insert(std::move(node));
}
}  // namespace

TEST_CASE("a random model of every architecture opens with the tensors, roles and counts it was made with") {
    for (const auto& family : bitnet::architectures)
        for (const std::size_t shards : {1u, 4u})
            for (const bool tied : {true, false}) {
                INFO(family.name, ", ", shards, " shards, tied: ", tied);
                const Made made({.architecture = std::string(family.name), .tied = tied, .shards = shards});
                const ModelDir model(made.dir.path());
                CHECK(model.config()->architecture == family.name);
                CHECK(model.files().size() == shards);
                CHECK(model.tied_head() == tied);
                CHECK(model.notes().empty());
                CHECK((model.find(head) == nullptr) == tied);
                REQUIRE(model.find(family.token_embedding) != nullptr);
                std::size_t expected = 0, place = 0;
                for (const auto& spec : bitnet::expected_tensors(*model.config())) {
                    if (spec.optional) continue;
                    INFO(spec.name);
                    const ModelTensor& tensor = model.tensors().at(place++);
                    CHECK(tensor.name == spec.name);
                    CHECK(tensor.role == spec.role);
                    CHECK(tensor.transposed == spec.transposed);
                    CHECK(tensor.shape == spec.shape);
                    CHECK(model.view(tensor).bytes.size() == 4 * bitnet::element_count(spec.shape));
                    expected += bitnet::element_count(spec.shape);
                }
                CHECK(place == model.tensors().size());
                CHECK(model.parameter_count() == expected);
                CHECK(model.original_bytes_fp32() == 4 * expected);
                CHECK(model.parameters_by_role().at(TensorRole::token_embedding) == 256 * 64);
                CHECK(model.parameters_by_role().contains(TensorRole::lm_head) != tied);
            }
}

TEST_CASE("a view is the stored tensor under its canonical name, before and after it is released") {
    const Made made({.dtype = DType::BF16});
    const Weights weights = bitnet_test::read_weights(made.weights());
    ModelDir opened(made.dir.path());
    const ModelDir model = std::move(opened);
    for (const ModelTensor& tensor : model.tensors()) {
        const auto stored = weights.at(tensor.stored_name).bytes;
        for (int round = 0; round < 2; ++round) {
            const bitnet::TensorView view = model.view(tensor);
            CHECK(view.name == tensor.name);
            CHECK(view.dtype == DType::BF16);
            CHECK(std::equal(view.bytes.begin(), view.bytes.end(), stored.begin(), stored.end()));
            model.release(tensor);
        }
    }
}

TEST_CASE("a model saved by torch.save is the model that its safetensors hold, by columns or by rows") {
    for (const auto& family : bitnet::architectures) {
        const Made made({.architecture = std::string(family.name), .dtype = DType::F16}), saved({.architecture = std::string(family.name), .dtype = DType::F16});
        const Weights weights = bitnet_test::read_weights(made.weights());
        std::set<std::string> matrices;
        for (const auto& [name, tensor] : weights)
            if (tensor.shape.size() == 2) matrices.insert(name);
        std::filesystem::remove(saved.weights());
        bitnet_test::write_torch_weights(saved.dir / "pytorch_model.bin", weights, matrices);
        const ModelDir one(made.dir.path()), other(saved.dir.path());
        REQUIRE(one.tensors().size() == other.tensors().size());
        for (std::size_t i = 0; i < one.tensors().size(); ++i) {
            const ModelTensor &a = one.tensors()[i], &b = other.tensors()[i];
            INFO(family.name, ": ", a.name);
            CHECK(a.name == b.name);
            CHECK(a.role == b.role);
            CHECK(a.shape == b.shape);
            const auto x = one.view(a).bytes, y = other.view(b).bytes;
            CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end()));
            other.release(b);
        }
        CHECK(other.notes().empty());
    }
}

TEST_CASE("parameters do not depend on the dtype they are stored in") {
    const Made half({.dtype = DType::F16}), whole;
    CHECK(ModelDir(half.dir.path()).original_bytes_fp32() == ModelDir(whole.dir.path()).original_bytes_fp32());
}

TEST_CASE("a tied head stored alone is the input embedding") {
    const Made made;
    edit_weights(made.weights(), [](Weights& weights) { rename(weights, embedding_name, head); });
    const ModelDir model(made.dir.path());
    CHECK(model.tied_head());
    CHECK(model.find(head) == nullptr);
    REQUIRE(model.find(embedding_name) != nullptr);
    CHECK(model.find(embedding_name)->stored_name == head);
    CHECK(model.find(embedding_name)->role == TensorRole::token_embedding);
    CHECK(model.view(*model.find(embedding_name)).name == embedding_name);
    CHECK(model.notes() == std::vector<std::string>{"model.embed_tokens.weight is tied and stored as lm_head.weight"});
}

TEST_CASE("a tied head stored beside an equal embedding is left out, a different one is kept as untied") {
    const Made made;
    const std::size_t parameters = ModelDir(made.dir.path()).parameter_count();
    edit_weights(made.weights(), [](Weights& weights) { weights[std::string(head)] = weights[std::string(embedding_name)]; });
    {
        const ModelDir model(made.dir.path());
        CHECK(model.tied_head());
        CHECK(model.find(head) == nullptr);
        CHECK(model.parameter_count() == parameters);
        CHECK(model.notes() == std::vector<std::string>{
                                   "lm_head.weight is tied and equal to model.embed_tokens.weight: left out"});
    }
    edit_weights(made.weights(), [](Weights& weights) { weights[std::string(head)].bytes.back() ^= std::byte{1}; });
    const ModelDir model(made.dir.path());
    CHECK_FALSE(model.tied_head());
    REQUIRE(model.find(head) != nullptr);
    CHECK(model.find(head)->role == TensorRole::lm_head);
    CHECK(model.parameter_count() == parameters + 256 * 64);
    CHECK(model.notes() ==
          std::vector<std::string>{"tie_word_embeddings is true, but lm_head.weight differs from "
                                   "model.embed_tokens.weight: both are kept, as untied"});
}

TEST_CASE("a model that is not tied needs its head") {
    const Made made({.tied = false});
    edit_weights(made.weights(), [](Weights& weights) { weights.erase(std::string(head)); });
    check_refused(made.dir.path(), errc::missing,
                  made.weights().string() +
                      ": tensor \"lm_head.weight\" is missing and tie_word_embeddings is false in config.json");
}

TEST_CASE("GPT-2 is read with and without the prefix of its class, and its masks are no parameters") {
    const Made made({.architecture = "gpt2"});
    const std::size_t parameters = ModelDir(made.dir.path()).parameter_count();
    edit_weights(made.weights(), [](Weights& weights) {
        Weights prefixed;
        for (auto& [name, tensor] : weights) prefixed["transformer." + name] = std::move(tensor);
        prefixed["transformer.h.0.attn.bias"] = zeros(DType::F32, {1, 1, 128, 128});
        prefixed["transformer.h.0.attn.masked_bias"] = zeros(DType::F32, {});
        weights = std::move(prefixed);
    });
    {
        const ModelDir model(made.dir.path());
        CHECK(model.parameter_count() == parameters);
        CHECK(model.notes().empty());
        REQUIRE(model.find("h.0.attn.bias") != nullptr);
        CHECK(model.find("h.0.attn.bias")->role == TensorRole::unknown);
        CHECK(model.find("h.0.attn.bias")->buffer);
        CHECK(model.find("h.0.attn.masked_bias")->buffer);
        CHECK(model.find("h.0.attn.c_attn.bias")->role == TensorRole::bias);
        CHECK(model.find("h.0.attn.c_attn.weight")->stored_name == "transformer.h.0.attn.c_attn.weight");
        CHECK(model.find("h.0.attn.c_attn.weight")->transposed);
    }
    edit_weights(made.weights(), [](Weights& weights) { weights["wte.weight"] = weights["transformer.wte.weight"]; });
    check_refused(made.dir.path(), errc::bad_file,
                  made.weights().string() +
                      ": tensor \"wte.weight\" is stored with and without \"transformer.\" in front");
}

TEST_CASE("tensors that the architecture does not know are kept and listed") {
    const Made made;
    const std::size_t parameters = ModelDir(made.dir.path()).parameter_count();
    edit_weights(made.weights(), [](Weights& weights) {
        weights["model.layers.0.self_attn.rotary_emb.inv_freq"] = zeros(DType::F32, {8});
        weights["value_head.weight"] = zeros(DType::F32, {1, 64});
        weights["steps"] = zeros(DType::I64, {2});
    });
    const ModelDir model(made.dir.path());
    REQUIRE(model.find("value_head.weight") != nullptr);
    CHECK(model.find("value_head.weight")->role == TensorRole::unknown);
    CHECK_FALSE(model.find("value_head.weight")->buffer);
    CHECK(model.find("model.layers.0.self_attn.rotary_emb.inv_freq")->buffer);
    CHECK(model.tensors().back().role == TensorRole::unknown);
    CHECK(model.parameter_count() == parameters + 64 + 2);
    CHECK(model.notes() == std::vector<std::string>{"2 tensors are not of LlamaForCausalLM and kept byte for byte: "
                                                    "\"steps\", \"value_head.weight\""});
}

TEST_CASE("a resized vocabulary is kept as it is and said") {
    const Made made;
    edit_weights(made.weights(),
                 [](Weights& weights) { weights[std::string(embedding_name)] = zeros(DType::F32, {260, 64}); });
    const ModelDir model(made.dir.path());
    CHECK(model.find(embedding_name)->role == TensorRole::unknown);
    CHECK(model.find(embedding_name)->shape == Shape{260, 64});
    CHECK(model.notes() == std::vector<std::string>{"model.embed_tokens.weight: 260 rows where vocab_size is 256: a "
                                                    "resized vocabulary, kept byte for byte"});
}

TEST_CASE("a missing tensor is refused by name, with how many more are missing") {
    const Made made;
    edit_weights(made.weights(), [](Weights& weights) { weights.erase("model.layers.1.mlp.up_proj.weight"); });
    check_refused(made.dir.path(), errc::missing,
                  made.weights().string() +
                      ": tensor \"model.layers.1.mlp.up_proj.weight\" (intermediate_size, hidden_size) is missing; "
                      "config.json asks for LlamaForCausalLM with 2 layers");
    edit_json(made.config(), [](Json& json) { json.set("num_hidden_layers", 3); });
    check_refused(made.dir.path(), errc::missing,
                  made.weights().string() +
                      ": tensor \"model.layers.1.mlp.up_proj.weight\" (intermediate_size, hidden_size) is missing, as "
                      "are 9 more; config.json asks for LlamaForCausalLM with 3 layers");
}

TEST_CASE("a tensor of another shape is refused with both shapes and the keys they come from") {
    const Made made;
    edit_json(made.config(), [](Json& json) { json.set("intermediate_size", 200); });
    check_refused(made.dir.path(), errc::bad_shape,
                  made.weights().string() +
                      ": tensor \"model.layers.0.mlp.gate_proj.weight\": shape (192, 64), expected (200, 64) = "
                      "(intermediate_size, hidden_size) of config.json");
    const Made flat;
    edit_weights(flat.weights(),
                 [](Weights& weights) { weights[std::string(embedding_name)] = zeros(DType::F32, {256, 32}); });
    check_refused(flat.dir.path(), errc::bad_shape,
                  flat.weights().string() + ": tensor \"model.embed_tokens.weight\": shape (256, 32), expected (256, "
                                            "64) = (vocab_size, hidden_size) of config.json");
    edit_weights(flat.weights(),
                 [](Weights& weights) { weights[std::string(embedding_name)] = zeros(DType::F32, {0, 64}); });
    CHECK_THROWS_AS(ModelDir(flat.dir.path()), bitnet::error);
}

TEST_CASE("weights of another kind are refused: integers, fused projections, compressed models") {
    const Made integers;
    edit_weights(integers.weights(), [](Weights& weights) {
        weights["model.layers.0.self_attn.q_proj.weight"] = zeros(DType::I8, {64, 64});
    });
    check_refused(integers.dir.path(), errc::unsupported,
                  integers.weights().string() + ": tensor \"model.layers.0.self_attn.q_proj.weight\": stored as I8; "
                                                "weights are F16, BF16, F32 or F64");
    const Made fused;
    edit_weights(fused.weights(), [](Weights& weights) {
        weights.erase("model.layers.0.self_attn.q_proj.weight");
        weights["model.layers.0.self_attn.qkv_proj.weight"] = zeros(DType::F32, {128, 64});
    });
    check_refused(fused.dir.path(), errc::unsupported,
                  fused.weights().string() + ": tensor \"model.layers.0.self_attn.qkv_proj.weight\": fused projections "
                                             "are not of LlamaForCausalLM");
    const Made packed({.keys = {{"quantization_config", Json::object({{"quant_method", "bitnet-cpp"}})}}});
    check_refused(packed.dir.path(), errc::unsupported,
                  packed.config().string() +
                      ": quantization_config.quant_method \"bitnet-cpp\": the weights are compressed already; start "
                      "from the original or from an uncompressed copy");
}

TEST_CASE("what transformers has packed opens where it is asked for: its weights are counted, its scales are none") {
    const TempDir dir;
    bitnet_test::write_packed_by_transformers(dir / "online", dir / "offline", {.architecture = "bitnet"}, "autobitlinear");
    const std::string config = (dir / "offline" / "config.json").string();
    const std::string file = (dir / "offline" / "model.safetensors").string();
    check_refused(dir / "offline", errc::unsupported,
                  config + ": quantization_config.quant_method \"bitnet\": the weights are compressed already; start from the "
                           "original or from an uncompressed copy");
    const ModelDir online(dir / "online"), offline(dir / "offline", {.hf_bitnet = true});
    CHECK(offline.parameters_by_role() == online.parameters_by_role());
    const std::string name = "model.layers.1.mlp.down_proj.weight";
    CHECK(offline.find(name)->packed());
    CHECK(offline.find(name)->shape == Shape{16, 192});
    CHECK(offline.find(name)->role == TensorRole::feed_forward);
    CHECK(offline.find(name + "_scale")->buffer);
    CHECK_FALSE(online.find(name)->packed());
    CHECK_FALSE(offline.find("model.norm.weight")->packed());
    CHECK(offline.notes() ==
          std::vector<std::string>{"14 matrices are ternary, packed four rows a byte; their scales multiply"});

    const auto damage = [&](const auto& change, errc code, const std::string& what) {
        const Weights sound = bitnet_test::read_weights(file);
        edit_weights(file, change);
        check_refused(dir / "offline", code, file + ": tensor " + what, {.hf_bitnet = true});
        bitnet_test::write_weights(file, sound);
    };
    damage([&](Weights& weights) { weights.erase(name + "_scale"); }, errc::missing,
           "\"" + name + "_scale\", the scale of the packed \"" + name + "\", is missing");
    damage([&](Weights& weights) { weights[name] = zeros(DType::F32, {64, 192}); }, errc::unsupported,
           "\"" + name + "\": stored as F32; packed weights of \"bitnet\" are U8");
    damage([&](Weights& weights) { weights[name] = zeros(DType::U8, {64, 192}); }, errc::bad_shape,
           "\"" + name + "\": shape (64, 192), expected (16, 192), a quarter of the rows of (64, 192) = "
           "(hidden_size, intermediate_size) of config.json");
    damage([&](Weights& weights) { weights["model.norm.weight"] = zeros(DType::U8, {64}); }, errc::unsupported,
           "\"model.norm.weight\": stored as U8; weights are F16, BF16, F32 or F64");
}

TEST_CASE("the architecture can be given for a class that only has another name") {
    const Made made;
    edit_json(made.config(), [](Json& json) { json.set("architectures", Json::array({"OurLlama"})); });
    CHECK_THROWS_AS(ModelDir(made.dir.path()), bitnet::error);
    const ModelDir model(made.dir.path(), {.architecture = "llama"});
    CHECK(model.config()->class_name == "LlamaForCausalLM");
    CHECK(model.config()->json.at("architectures").as_array()[0].as_string() == "OurLlama");
}

TEST_CASE("any safetensors file opens as generic, by itself or in a directory") {
    const Made made({.architecture = "gpt2"});
    std::filesystem::remove(made.config());
    for (const auto& path : {made.dir.path(), made.weights()}) {
        const ModelDir model(path, {.architecture = "generic"});
        CHECK_FALSE(model.config().has_value());
        CHECK_FALSE(model.tied_head());
        CHECK(model.find("wte.weight")->role == TensorRole::token_embedding);
        CHECK(model.find("h.0.attn.c_attn.weight")->role == TensorRole::attention);
        CHECK(model.find("h.0.mlp.c_fc.weight")->role == TensorRole::feed_forward);
        CHECK(model.find("h.0.mlp.c_fc.bias")->role == TensorRole::bias);
        CHECK(model.notes() == std::vector<std::string>{"the architecture is generic: roles come from name patterns, "
                                                        "and nothing can be evaluated"});
    }
    const ModelDir chosen(made.weights(), {.architecture = "generic", .patterns = {{"*.mlp.*", TensorRole::norm}}});
    CHECK(chosen.find("h.0.mlp.c_fc.weight")->role == TensorRole::norm);
    CHECK(chosen.find("h.0.attn.c_attn.weight")->role == TensorRole::attention);
}

TEST_CASE("what is no model directory is refused by what is wrong with it") {
    const Made made;
    check_refused(made.weights(), errc::unsupported,
                  made.weights().string() + ": a file alone does not tell its architecture; give the directory with "
                                            "its config.json, or the architecture \"generic\"");
    check_refused(made.dir / "absent", errc::missing, (made.dir / "absent").string() + ": no such file or directory");
    check_refused(made.dir.path(), errc::bad_value,
                  "role patterns need the architecture \"generic\": others know their tensors",
                  {.patterns = {{"*", TensorRole::norm}}});
    std::filesystem::remove(made.config());
    check_refused(made.dir.path(), errc::missing, made.config().string() + ": no such file");
}

TEST_CASE("files of the tokenizer are named so that they can be copied, and no others") {
    const Made made;
    CHECK(ModelDir(made.dir.path()).companion_files().empty());
    for (const char* name : {"tokenizer.json", "merges.txt", "chat_template.jinja", "generation_config.json", "README.md",
                             "pytorch_model.bin", "training_args.bin", "tokenizer.model"})
        bitnet_test::write_text(made.dir / name, "{}");
    std::filesystem::create_directory(made.dir / "vocab.json");
    CHECK(ModelDir(made.dir.path()).companion_files() ==
          std::vector<std::string>{"chat_template.jinja", "generation_config.json", "merges.txt", "tokenizer.json",
                                   "tokenizer.model"});
}

TEST_CASE("the public tinystories model has 656,000 parameters, its tied head counted once") {
    const auto data = bitnet_test::shared_data();
    if (!data || !std::filesystem::exists(*data / "models" / "tinystories-656k")) {
        MESSAGE("skipped: no models/tinystories-656k in the shared data; set BITNET_DATA");
        return;
    }
    const ModelDir model(*data / "models" / "tinystories-656k");
    MESSAGE("tinystories-656k: ", model.parameter_count(), " parameters");
    CHECK(model.parameter_count() == 656000);
    CHECK(model.original_bytes_fp32() == 2624000);
    CHECK(model.tied_head());
    CHECK(model.find(embedding_name)->stored_name == head);
    CHECK(model.parameters_by_role().at(TensorRole::attention) == 98304);
    CHECK(model.parameters_by_role().at(TensorRole::feed_forward) == 294912);
    CHECK(model.companion_files() ==
          std::vector<std::string>{"generation_config.json", "special_tokens_map.json", "tokenizer.json",
                                   "tokenizer_config.json"});
}
