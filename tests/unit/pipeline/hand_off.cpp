#include <bitnet/pipeline/hand_off.hpp>

#include <doctest/doctest.h>

#include <bitnet/pipeline/config.hpp>

#include "models.hpp"

namespace fs = std::filesystem;
using bitnet::Check;
using bitnet::check_hand_off;
using bitnet::errc;
using bitnet::Json;
using bitnet::ModelDir;
using bitnet_test::read_text;
using bitnet_test::refusal;
using bitnet_test::TempDir;
using bitnet_test::write_text;

namespace {

/// An output of a small random model with a tokenizer, as bitnet compress leaves it.
class Output {
public:
    explicit Output(bitnet::WantedOutputs wanted = {}, const bitnet::RandomModel& made = {.vocab_size = 40, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .max_positions = 16},
                    bool generic = false) {
        bitnet::write_random_model(dir_ / "model", made);
        write_text(dir_ / "model" / "tokenizer.json", "{}");
        write_text(dir_ / "model" / "merges.txt", "a b");
        if (generic) fs::remove(dir_ / "model" / "config.json");
        fs::create_directory(root());
        const ModelDir model(dir_ / "model", {.architecture = generic ? "generic" : ""});
        const bitnet::Compressor<> compressor;
        Json record = to_json(bitnet::compress_model(model, compressor, prepare_outputs(model, root(), wanted)));
        record.set("recipe", "default").set("policies", Json::object()).set("config", to_json(bitnet::Config{}));
        record.set(bitnet::files_key, bitnet::describe_files(root()));
        write_record(record);
    }
    fs::path root() const { return dir_ / "out"; }
    Json record() const { return bitnet::read_json_file(root() / "compression_metadata.json"); }
    void write_record(const Json& record) const { write_text(root() / "compression_metadata.json", bitnet::to_text(record)); }
    void change(std::string_view key, Json value) const { write_record(record().set(key, std::move(value))); }
    /// The list as it would be of the files as they are now, so that only what is behind checksums is looked at.
    void list_anew() const { change(bitnet::files_key, bitnet::describe_files(root())); }

private:
    TempDir dir_;
};

using Sentences = std::vector<std::string>;
/// The names of the checks in that state.
Sentences names_in_state(const std::vector<Check>& checks, Check::State state) {
    Sentences out;
    for (const Check& one : checks)
        if (one.state == state) out.push_back(one.name);
    return out;
}
Sentences failed(const Output& output) { return names_in_state(check_hand_off(output.root()), Check::State::failed); }
Sentences left_out(const Output& output) { return names_in_state(check_hand_off(output.root()), Check::State::skipped); }
std::string sentence_of(const Output& output, std::string_view name) {
    for (const Check& one : check_hand_off(output.root(), {.gradient_flow = false}))
        if (one.name == name) return one.sentence;
    return "no such check";
}

}  // namespace

TEST_CASE("an output as it was written passes, of every architecture") {
    for (const std::string architecture : {"llama", "qwen2", "gpt2", "bitnet"}) {
        INFO(architecture);
        const Output output({}, {.architecture = architecture, .vocab_size = 40, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .max_positions = 16, .tied = architecture == "gpt2"});
        const auto checks = check_hand_off(output.root());
        REQUIRE(checks.size() == 10);
        for (const Check& one : checks) CHECK_MESSAGE((one.state == Check::State::passed || one.name == "gates"), one.name << ": " << one.sentence);
        CHECK(names_in_state(checks, Check::State::skipped) == Sentences{"gates"});
    }
}

TEST_CASE("a model that was not written is skipped, and so is what needs it") {
    const Output packed({.dequantized = false});
    CHECK(failed(packed).empty());
    CHECK(left_out(packed) == Sentences{"dense_model", "gates", "gradient_flow"});
    CHECK(sentence_of(packed, "dense_model") == "dequantized was not written: save_dequantized_fp16 is false");
    const Output dense({.quantized = false});
    CHECK(failed(dense).empty());
    CHECK(left_out(dense) == Sentences{"packed_model", "gates"});
    CHECK(sentence_of(dense, "sizes") == "there is no packed model, and the ratio says 0");
    fs::remove_all(packed.root() / "quantized");
    CHECK(failed(packed) == Sentences{"files", "sizes", "packed_model"});
    CHECK(sentence_of(packed, "packed_model").starts_with("quantized is missing, the record says that its weights have "));
}

TEST_CASE("a generic model cannot run, and everything else is checked") {
    const Output output({}, {.vocab_size = 40, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .max_positions = 16}, true);
    CHECK(failed(output).empty());
    CHECK(left_out(output) == Sentences{"gates", "gradient_flow"});
}

TEST_CASE("files that changed since are told by name") {
    const Output output;
    const std::string weights = read_text(output.root() / "quantized" / "model.safetensors");
    std::string damaged = weights;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    write_text(output.root() / "quantized" / "model.safetensors", damaged);
    CHECK(check_hand_off(output.root())[1].state == Check::State::failed);
    CHECK(sentence_of(output, "files").starts_with("quantized/model.safetensors has sha256 "));
    write_text(output.root() / "quantized" / "model.safetensors", weights.substr(0, weights.size() - 1));
    CHECK(failed(output) == Sentences{"files", "sizes", "packed_model"});
    write_text(output.root() / "quantized" / "model.safetensors", weights);
    CHECK(failed(output).empty());
    fs::remove(output.root() / "dequantized" / "tokenizer.json");
    CHECK(failed(output) == Sentences{"files", "tokenizer"});
    CHECK(sentence_of(output, "tokenizer") == "dequantized/tokenizer.json is missing");
    fs::remove(output.root() / "quantized" / "tokenizer.json");  // gone from both
    CHECK(sentence_of(output, "tokenizer") == "quantized/tokenizer.json is missing; dequantized/tokenizer.json is missing");
}

TEST_CASE("an output without a list of files is checked for everything else") {
    const Output output;
    Json::Object rest = output.record().as_object();
    std::erase_if(rest, [](const Json::Member& member) { return member.first == "files"; });
    output.write_record(Json::object(rest));
    CHECK(failed(output).empty());
    CHECK(left_out(output) == Sentences{"files", "gates"});
    write_text(output.root() / "dequantized" / "tokenizer.json", "{ }");
    CHECK(sentence_of(output, "tokenizer") == "tokenizer.json of quantized and of dequantized differ");
    CHECK(failed(output) == Sentences{"tokenizer"});
    output.change("files", Json::array({Json::object({{"path", "../model"}, {"bytes", 0}, {"sha256", ""}})}));
    CHECK(sentence_of(output, "files") == "compression_metadata.json: files[0]: path \"../model\" leads out of the output");
}

TEST_CASE("a record that says something else than the files fails by the figure") {
    const Output output;
    const Json record = output.record();
    const auto with = [&](std::string_view key, Json value) {
        Json changed = record;
        output.write_record(changed.set(key, std::move(value)));
        return failed(output);
    };
    CHECK(with("compression_ratio", record.at("compression_ratio").as_double() * 1.001) == Sentences{"sizes"});
    CHECK(sentence_of(output, "sizes").starts_with("compression_ratio is "));
    CHECK(with("quantized_bytes", record.at("quantized_bytes").as_unsigned() + 1) == Sentences{"sizes"});
    CHECK(with("dequantized_bytes", 0) == Sentences{"sizes"});
    CHECK(with("quantized_params", record.at("quantized_params").as_unsigned() + 1) == Sentences{"counts"});
    CHECK(with("sparsity_ratio", record.at("sparsity_ratio").as_double() + 1e-6) == Sentences{"counts"});
    CHECK(sentence_of(output, "counts").starts_with("sparsity_ratio is "));
    CHECK(with("sparsity_ratio", 1.5) == Sentences{"record"});
    CHECK(with("gates", Json::array({Json::object({{"name", "size"}, {"state", "failed"}, {"sentence", "too large"}})})) == Sentences{"gates"});
    CHECK(sentence_of(output, "gates") == "size: too large");
    CHECK(with("gates", Json::array({Json::object({{"name", "size"}, {"state", "passed"}, {"sentence", "small"}})})).empty());
    Json::Array tensors = record.at("tensors").as_array();
    tensors[0].set("name", "another");
    CHECK(with("tensors", Json::array(tensors)) == Sentences{"tensors"});
    write_text(output.root() / "compression_metadata.json", "{");
    CHECK(failed(output) == Sentences{"record"});
    CHECK(left_out(output) == Sentences{"files", "sizes", "counts", "gates"});
}

TEST_CASE("models that do not fit each other, or hold what is no number, are found behind right checksums") {
    const Output output, wider({}, {.vocab_size = 48, .hidden_size = 16, .intermediate_size = 24, .layers = 1, .max_positions = 16});
    for (const std::string name : {"model.safetensors", "config.json"})
        fs::copy_file(wider.root() / "dequantized" / name, output.root() / "dequantized" / name, fs::copy_options::overwrite_existing);
    output.change("dequantized_bytes", fs::file_size(output.root() / "dequantized" / "model.safetensors"));
    output.list_anew();
    CHECK(failed(output) == Sentences{"tensors"});
    CHECK(sentence_of(output, "tensors") == "tensor \"model.embed_tokens.weight\" is (40, 16) in quantized and (48, 16) in dequantized");

    const Output not_a_number;
    std::string bytes = read_text(not_a_number.root() / "dequantized" / "model.safetensors");
    bytes.back() = 0x7c;  // the exponent of the last FP16 weight is all ones
    write_text(not_a_number.root() / "dequantized" / "model.safetensors", bytes);
    not_a_number.list_anew();
    CHECK(failed(not_a_number) == Sentences{"dense_model"});
    CHECK(left_out(not_a_number) == Sentences{"gates", "gradient_flow"});
}

TEST_CASE("a model that cannot learn fails, and is not asked where nobody wants to know") {
    const Output output;
    auto weights = bitnet_test::read_weights(output.root() / "dequantized" / "model.safetensors");
    for (auto& [name, tensor] : weights)
        if (name.ends_with("o_proj.weight")) std::fill(tensor.bytes.begin(), tensor.bytes.end(), std::byte{0});  // nothing gets through to the queries
    bitnet_test::write_weights(output.root() / "dequantized" / "model.safetensors", weights);
    output.change("dequantized_bytes", fs::file_size(output.root() / "dequantized" / "model.safetensors"));
    output.list_anew();
    CHECK(failed(output) == Sentences{"gradient_flow"});
    CHECK(check_hand_off(output.root())[9].sentence.ends_with("its gradient is zero"));
    CHECK(sentence_of(output, "gradient_flow") == "nobody asked for it");
}

TEST_CASE("what is no output is an error, not a check") {
    const TempDir place;
    const auto [code, what] = refusal([&] { check_hand_off(place.path()); });
    CHECK(code == errc::missing);
    CHECK(what == place.path().string() + ": no output of a compression: none of compression_metadata.json, quantized, dequantized");
}
