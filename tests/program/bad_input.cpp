#include "program.hpp"

#include <cstring>
#include <limits>
#include <random>

#include <bitnet/model/model_dir.hpp>

#include <support/weights.hpp>

namespace fs = std::filesystem;
using bitnet::DType;
using bitnet::Json;
using bitnet_test::edit_json;
using bitnet_test::edit_weights;
using bitnet_test::read_text;
using bitnet_test::Weights;
using bitnet_test::Workplace;
using bitnet_test::write_text;

namespace {

/// A safetensors file from its header's text and data, whatever they are.
std::string raw(std::string_view header, std::string_view data) {
    std::string out;
    for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(std::uint64_t{header.size()} >> shift & 0xff);
    return out += header, out += data;
}

/// How the program refuses a model whose weights are these bytes; the file must stand in front.
std::string refusal_of_bytes(const Workplace& place, std::string_view bytes) {
    write_text(place.weights(), bytes);
    const std::string what = place.refusal({"--arch", "generic"});
    const std::string file = place.weights().string() + ": ";
    CHECK(what.starts_with(file));
    return what.substr(std::min(what.size(), file.size()));
}

void poison(const Workplace& place, const std::string& tensor, std::size_t index, float value) {
    edit_weights(place.weights(), [&](Weights& weights) { std::memcpy(&weights.at(tensor).bytes[4 * index], &value, 4); });
}

}  // namespace

TEST_CASE("weights cut short at any byte of their header are refused") {
    const Workplace place;
    const std::string sound = read_text(place.weights());
    std::size_t header = 0;
    std::memcpy(&header, sound.data(), 8);
    header += 8;
    REQUIRE(header < sound.size());
    for (std::size_t size = 0; size <= header; ++size) {
        write_text(place.weights(), std::string_view(sound).substr(0, size));
        try {
            const bitnet::ModelDir model(place.model());
            FAIL_CHECK(size << " bytes were taken for a model");
        } catch (const bitnet::error& problem) {
            if (!std::string_view(problem.what()).starts_with(place.weights().string() + ": ")) FAIL_CHECK(problem.what());
        }
    }
    for (std::size_t size = 0; size <= header; size += size < 10 ? 1 : header / 12)
        CHECK(refusal_of_bytes(place, std::string_view(sound).substr(0, size)).find("bytes") != std::string::npos);
}

TEST_CASE("weights cut short behind their header, or with something after them, are refused") {
    constexpr unsigned seed = 3;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    const Workplace place;
    const std::string sound = read_text(place.weights());
    for (int round = 0; round < 10; ++round) {
        const std::size_t size = sound.size() - 1 - random() % (sound.size() / 2);
        CHECK(refusal_of_bytes(place, std::string_view(sound).substr(0, size)).starts_with("the header describes "));
    }
    CHECK(refusal_of_bytes(place, sound + "x").starts_with("the header describes "));
}

TEST_CASE("a header that is longer than the file or than any header is refused") {
    const Workplace place;
    std::string bytes = raw("{}", "");
    bytes[0] = 3;
    CHECK(refusal_of_bytes(place, bytes) == "a header of 3 bytes reaches beyond the end of this file of 10");
    const std::uint64_t huge = 100'000'001;
    std::memcpy(bytes.data(), &huge, 8);
    CHECK(refusal_of_bytes(place, bytes) == "a header of 100000001 bytes; at most 100000000 are allowed");
    CHECK(refusal_of_bytes(place, std::string(16, '\xff')).starts_with("a header of 18446744073709551615 bytes"));
}

TEST_CASE("tensors that overlap, leave a hole or end beyond the file are refused by name") {
    const Workplace place;
    const auto two = [](std::string_view first, std::string_view second) {
        return bitnet::message(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)", first,
                               R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)", second, "}}");
    };
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[2,6]"), "123456")) ==
          "tensor \"b\": begins at 2 and overlaps the tensor that ends at 4");
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[5,9]"), "123456789")) == "tensor \"b\": begins at 5 and leaves a hole behind 4");
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[8,4]"), "12345678")).starts_with("tensor \"b\": "));
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[4,8]"), "1234")) == "the header describes 8 bytes of tensors, but 4 follow it");
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[4,18446744073709551615]"), "1234")).starts_with("tensor \"b\": "));
    CHECK(refusal_of_bytes(place, raw(two("[0,4]", "[-4,0]"), "1234")).starts_with("tensor \"b\": data_offsets: "));
}

TEST_CASE("a type and a shape that are not the tensor's size are refused by name") {
    const Workplace place;
    const auto one = [](std::string_view fields) { return bitnet::message(R"({"a":{)", fields, R"(,"data_offsets":[0,4]}})"); };
    CHECK(refusal_of_bytes(place, raw(one(R"("dtype":"F32","shape":[2])"), "1234")) ==
          "tensor \"a\": F32 of shape (2) takes 8 bytes, but data_offsets hold 4");
    CHECK(refusal_of_bytes(place, raw(one(R"("dtype":"F32","shape":[4294967296,4294967296])"), "1234")).starts_with("tensor \"a\": shape "));
    CHECK(refusal_of_bytes(place, raw(one(R"("dtype":"F33","shape":[1])"), "1234")) == "tensor \"a\": unknown dtype \"F33\"");
    CHECK(refusal_of_bytes(place, raw(one(R"("dtype":"F32")"), "1234")) == "tensor \"a\": shape is missing");
}

TEST_CASE("repeated names, deep nesting and other text are refused") {
    const Workplace place;
    const std::string row = R"({"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
    CHECK(refusal_of_bytes(place, raw("{\"a\":" + row + ",\"a\":" + row + "}", "1234")) == "header: repeated key \"a\"");
    const std::string deep = "{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}";
    CHECK(refusal_of_bytes(place, raw(deep, "")) == "header: nested deeper than 64");
    CHECK(refusal_of_bytes(place, raw("[]", "")) == "the header is not a JSON object");
    CHECK(refusal_of_bytes(place, raw("{\"a\":", "")).starts_with("header: not JSON: "));
    CHECK(refusal_of_bytes(place, raw("{\"\xff\":1}", "")).starts_with("header: not JSON: "));
}

TEST_CASE("an odd name of a tensor does not break the line of an error") {
    const Workplace place;
    const Weights weights{{"a\nb.weight", {DType::F32, {1, 1}, std::vector<std::byte>(4, std::byte{0xff})}}};
    bitnet_test::write_weights(place.weights(), weights);
    CHECK(place.refusal({"--arch", "generic"}) ==
          place.weights().string() + ": tensor \"a\\nb.weight\": -nan at flat index 0 of shape (1, 1)");
}

TEST_CASE("NaN and infinity are refused with file, tensor and flat index") {
    for (const std::string tensor : {"model.layers.0.mlp.up_proj.weight", "model.norm.weight", "model.embed_tokens.weight"}) {
        const Workplace place;
        poison(place, tensor, 5, std::numeric_limits<float>::infinity());
        const std::string what = place.refusal();
        CHECK(what.starts_with(place.weights().string() + ": tensor \"" + tensor + "\": inf at flat index 5 of shape ("));
    }
    const Workplace place;
    poison(place, "model.norm.weight", 0, std::numeric_limits<float>::quiet_NaN());
    CHECK(place.refusal().find(": nan at flat index 0 of shape (16)") != std::string::npos);
    CHECK(place.refusal({"--keep-as", "int8"}).find(": nan at flat index 0 of shape (16)") != std::string::npos);
}

TEST_CASE("NaN in a transposed tensor is refused with its place in the file") {
    const Workplace place({.architecture = "gpt2", .vocab_size = 40, .hidden_size = 8, .intermediate_size = 12, .layers = 1,
                           .heads = 2, .max_positions = 8});
    poison(place, "h.0.mlp.c_fc.weight", 3 * 12 + 7, std::numeric_limits<float>::quiet_NaN());
    CHECK(place.refusal() == place.weights().string() + ": tensor \"h.0.mlp.c_fc.weight\": nan at flat index 43 of shape (8, 12)");
}

TEST_CASE("an error in the middle of the work is one line below the progress") {
    const Workplace place;
    poison(place, "model.norm.weight", 0, std::numeric_limits<float>::quiet_NaN());
    const auto result = bitnet_test::run_program({"compress", place.model(), "-o", place.out()});
    CHECK(result.status == 1);
    CHECK(result.err.find("compress: ") == 0);
    const std::size_t last = result.err.find("\nbitnet: ");
    REQUIRE(last != std::string::npos);
    CHECK(result.err.find('\n', last + 1) == result.err.size() - 1);
    CHECK(bitnet_test::names_in(place.dir.path()) == std::set<std::string>{"model"});
}

TEST_CASE("a shard that is not there is named, and what it should hold") {
    const Workplace place({.vocab_size = 40, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .shards = 3});
    fs::remove(place.model() / "model-00002-of-00003.safetensors");
    const std::string what = place.refusal();
    CHECK(what.starts_with((place.model() / "model.safetensors.index.json").string() +
                           ": shard model-00002-of-00003.safetensors is missing; it should hold \"model."));
}

TEST_CASE("a damaged shard is named") {
    const Workplace place({.vocab_size = 40, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .shards = 3});
    const fs::path shard = place.model() / "model-00003-of-00003.safetensors";
    fs::resize_file(shard, fs::file_size(shard) - 1);
    CHECK(place.refusal().starts_with(shard.string() + ": the header describes "));
}

TEST_CASE("a tensor that is not there, or of another shape than config.json says, is named") {
    const Workplace place;
    const std::string tensor = "model.layers.0.self_attn.q_proj.weight";
    edit_weights(place.weights(), [&](Weights& weights) { weights[tensor].shape = {8, 32}; });
    CHECK(place.refusal().starts_with(place.weights().string() + ": tensor \"" + tensor + "\": shape (8, 32), expected (16, 16) = "));
    edit_weights(place.weights(), [&](Weights& weights) { weights.erase(tensor); });
    CHECK(place.refusal().starts_with(place.weights().string() + ": tensor \"" + tensor + "\" "));
}

TEST_CASE("a configuration that contradicts the weights is refused") {
    const Workplace place;
    edit_json(place.model() / "config.json", [](Json& json) { json.set("num_hidden_layers", 2); });
    CHECK(place.refusal().find("model.layers.1.") != std::string::npos);
    edit_json(place.model() / "config.json", [](Json& json) { json.set("num_hidden_layers", -1); });
    CHECK(place.refusal().find("num_hidden_layers") != std::string::npos);
}

TEST_CASE("an unknown architecture is refused with the known ones") {
    const Workplace place;
    edit_json(place.model() / "config.json", [](Json& json) { json.set("architectures", Json::array({"FooForCausalLM"})); });
    const std::string what = place.refusal();
    CHECK(what.starts_with((place.model() / "config.json").string() + ": architecture"));
    for (const auto& family : bitnet::architectures) CHECK(what.find(family.class_name) != std::string::npos);
    const std::string by_flag = place.refusal({"--arch", "foo"});
    for (const auto& family : bitnet::architectures) CHECK(by_flag.find(family.name) != std::string::npos);
}

TEST_CASE("a config.json that is not JSON, or nested too deep, is refused") {
    const Workplace place;
    const std::string file = (place.model() / "config.json").string();
    write_text(file, "{");
    CHECK(place.refusal().starts_with(file + ": not JSON: "));
    write_text(file, "");
    CHECK(place.refusal().starts_with(file + ": "));
    write_text(file, std::string(100'000, '['));
    CHECK(place.refusal().starts_with(file + ": "));
    write_text(file, R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 16, "hidden_size": 16})");
    CHECK(place.refusal() == file + ": repeated key \"hidden_size\"");
}

TEST_CASE("what is not there is named") {
    const Workplace place;
    const fs::path none = place.dir / "none";
    CHECK(bitnet_test::refusal_of_program({"compress", none, "-o", place.out()}) == none.string() + ": no such file or directory");
    fs::remove(place.weights());
    CHECK(place.refusal().find("no weights") != std::string::npos);
    write_text(place.model() / "pytorch_model.bin", "x");
    CHECK(place.refusal() == (place.model() / "pytorch_model.bin").string() +
                                 ": not a file of torch.save: neither a ZIP archive nor a legacy stream");
}

TEST_CASE("a wrong value in a configuration file is bad input") {
    const Workplace place;
    const fs::path file = place.dir / "knobs.json";
    const auto refusal = [&](std::string_view text) {
        write_text(file, text);
        return place.refusal({"--config", file});
    };
    CHECK(refusal(R"({"max_accuracy_drop": 2})").find("max_accuracy_drop = 2 is outside [0, 0.5]") != std::string::npos);
    CHECK(refusal(R"({"sed": 2})") == file.string() + ": no knob is called \"sed\"; did you mean \"seed\"?");
    CHECK(refusal(R"({"quantization_bits": 4})") == "Phase 4 uses BitNet 1.58-bit quantization only");
    CHECK(refusal(R"({"seed": 7})").starts_with("seed: "));  // nothing here would use it
    CHECK(refusal("{").starts_with(file.string() + ": not JSON: "));
    CHECK(place.refusal({"--config", place.dir / "none.json"}).starts_with((place.dir / "none.json").string()));
}

TEST_CASE("a packed model is not compressed again") {
    const Workplace place;
    REQUIRE(bitnet_test::run_program(place.compress()).status == 0);
    const std::string what = bitnet_test::refusal_of_program({"compress", place.out() / "quantized", "-o", place.dir / "again", "-q"});
    CHECK(what.find("the weights are compressed already") != std::string::npos);
    CHECK_FALSE(fs::exists(place.dir / "again"));
}
