#include "program.hpp"

#include <cstring>

#include <bitnet/io/safetensors.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::json_of;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::Workplace;
using bitnet_test::write_text;

namespace {

/// Four characters are tokens; a space and a line feed as GPT-2 writes them.
constexpr const char* byte_tokenizer = R"({"model": {"type": "BPE", "vocab": {"a": 5, "b": 6, "Ġ": 7, "Ċ": 8}, "merges": []},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"}})";

/// A model with a tokenizer, and both of its outputs.
struct Place : Workplace {
    Place() {
        write_text(model() / "tokenizer.json", byte_tokenizer);
        write_text(text(), "ab ab\nba ab b");
        CHECK(run_program({"compress", model(), "-o", out(), "-q"}).status == 0);
    }
    fs::path text() const { return dir / "text.txt"; }
};

}  // namespace

TEST_CASE("eval scores a text with the original and with both outputs") {
    const Place place;
    const Json original = json_of({"eval", place.model(), "--text", place.text()});
    CHECK(original.at("tokens", "json").as_unsigned() == 12);  // 13 characters, the first is not scored
    CHECK(original.at("perplexity", "json").as_double() ==
          doctest::Approx(std::exp(original.at("nll", "json").as_double() / 12)));
    const Json packed = json_of({"eval", place.out() / "quantized", "--text", place.text()});
    const Json dense = json_of({"eval", place.out() / "dequantized", "--text", place.text()});
    CHECK(packed.at("weights", "json").as_string() == "packed");
    CHECK(packed.at("perplexity", "json").as_double() ==
          doctest::Approx(dense.at("perplexity", "json").as_double()).epsilon(1e-3));
    CHECK(json_of({"eval", place.out() / "quantized", "--text", place.text(), "--activations", "int8"})
              .at("activations", "json").as_string() == "int8");
}

TEST_CASE("eval takes token ids, and writes logits") {
    const Place place;
    write_text(place.text(), "5 6 7\n\n8 8\n");
    const Json result = json_of({"eval", place.model(), "--text", place.text(), "--split", "ids", "--logits",
                                 place.dir / "logits.safetensors"});
    CHECK(result.at("documents", "json").as_unsigned() == 2);
    CHECK(result.at("tokens", "json").as_unsigned() == 3);
    const bitnet::SafetensorsFile logits(place.dir / "logits.safetensors");
    CHECK(logits.find("logits.0")->shape == bitnet::Shape{3, 40});
    CHECK(logits.find("logits.1")->shape == bitnet::Shape{2, 40});
    write_text(place.text(), "5 39 7\n40\n");  // the second document has an id beyond the vocabulary
    CHECK(run_program({"eval", place.model(), "--text", place.text(), "--split", "ids", "--logits", place.dir / "bad"}).status == 1);
    CHECK_FALSE(fs::exists(place.dir / "bad"));
    CHECK_FALSE(fs::exists(place.dir / "bad.partial"));
    write_text(place.text(), "5 six 7\n");
    CHECK(refusal_of_program({"eval", place.model(), "--text", place.text(), "--split", "ids"}) ==
          place.text().string() + ":1: not a list of token ids");
}

TEST_CASE("generate writes the prompt and goes on, the same for a seed") {
    const Place place;
    for (const fs::path& model : {place.model(), place.out() / "quantized", place.out() / "dequantized"}) {
        const bitnet_test::Arguments arguments{"generate", model, "--prompt", "ab", "-n", "5", "--seed", "3"};
        const Json once = json_of(arguments), again = json_of(arguments);
        CHECK(once.at("ids", "json") == again.at("ids", "json"));
        CHECK(once.at("ids", "json").as_array().size() == 5);
        CHECK(once.at("text", "json").as_string().starts_with("ab"));
    }
    const auto plain = run_program({"generate", place.model(), "--prompt", "ab", "-n", "3", "--temperature", "0", "-q"});
    CHECK(plain.status == 0);
    CHECK(plain.out.starts_with("ab"));
    CHECK(plain.err.empty());
}

TEST_CASE("tokenize shows the ids of a text and the text of ids") {
    const Place place;
    CHECK(json_of({"tokenize", place.model(), "--prompt", "ab a"}).at("ids", "json") == Json::array({5, 6, 7, 5}));
    const auto text = run_program({"tokenize", place.model(), "--decode", "5,7,6"});
    CHECK(text.status == 0);
    CHECK(text.out.starts_with("a b"));
}

TEST_CASE("inspect counts parameters by role and what they take in memory") {
    const Place place;
    const Json result = json_of({"inspect", place.model()});
    const auto count = [&](const char* role) { return result.at("parameters_by_role", "json").at(role, "json").as_unsigned(); };
    const std::uint64_t ternary = count("attention") + count("feed_forward"), all = result.at("parameters", "json").as_unsigned();
    CHECK(ternary + count("token_embedding") + count("norm") == all);
    const Json& memory = result.at("memory_bytes", "json");
    CHECK(memory.at("fp32", "json").as_unsigned() == 4 * all);
    CHECK(memory.at("fp16", "json").as_unsigned() == 2 * all);
    CHECK(memory.at("ternary", "json").as_unsigned() == 2 * (all - ternary) + ternary * 9 / 32);  // 2.25 bits
}

TEST_CASE("bench measures an original beside a packed copy, and both outputs of a compression") {
    const Place place;
    const auto row = [](const Json& result, std::size_t i) { return result.at("models", "json").as_array("models").at(i); };
    const Json original = json_of({"bench", place.model(), "-p", "12", "-n", "5", "-r", "1"});
    REQUIRE(original.at("models", "json").as_array().size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(row(original, i).at("prompt_tokens_per_second", "json").as_double() > 0);
        CHECK(row(original, i).at("generation_tokens_per_second", "json").as_double() > 0);
        CHECK(row(original, i).at("prompt_tokens", "json").as_unsigned() == 12);
    }
    CHECK(row(original, 1).at("activations", "json").as_string() == "int8");
    CHECK(row(original, 0).at("packed_bytes_per_second", "json").as_double() == 0);
    CHECK(row(original, 1).at("packed_bytes_per_second", "json").as_double() > 0);
    CHECK(row(original, 1).at("bytes_per_token", "json").as_unsigned() < row(original, 0).at("bytes_per_token", "json").as_unsigned());
    CHECK(original.at("read_bytes_per_second", "json").as_double() > 1e8);
    const Json outputs = json_of({"bench", place.out(), "-p", "12", "-n", "5", "-r", "1"});
    REQUIRE(outputs.at("models", "json").as_array().size() == 3);
    CHECK(row(outputs, 0).at("model", "json").as_string() == (place.out() / "dequantized").string());
    const Json alone = json_of({"bench", place.model(), "--no-packed-copy", "-r", "1"});  // as long as it has positions
    CHECK(alone.at("models", "json").as_array().size() == 1);
    const Json slow = json_of({"bench", place.model(), "-p", "4", "-n", "1", "-r", "1", "--layout", "trit5"});
    CHECK(row(slow, 1).at("notes", "json").as_array().at(0).as_string().find("no fast product") != std::string::npos);
    CHECK(refusal_of_program({"bench", place.model(), "-p", "5000"}).find("a text of 5000 tokens; the model has") !=
          std::string::npos);
}

TEST_CASE("what cannot be run is refused in a sentence") {
    const Place place;
    const std::string model = place.model().string();
    CHECK(refusal_of_program({"generate", place.model(), "--prompt", ""}) == "the prompt has no token");
    CHECK(run_program({"generate", place.model(), "--prompt", "ab", "--top-p", "2"}).out.empty());
    CHECK(refusal_of_program({"generate", place.out(), "--prompt", "a"}).find("quantized/ and dequantized/: name one") !=
          std::string::npos);
    write_text(place.text(), "");
    CHECK(refusal_of_program({"eval", place.model(), "--text", place.text()}) ==
          "the text has no token to score: two are the least");
    write_text(place.model() / "tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 300}, "merges": []}})");
    CHECK(refusal_of_program({"generate", place.model(), "--prompt", "a"}) ==
          model + ": the tokenizer has 301 tokens and the model 40: it belongs to another model");
    fs::remove(place.model() / "tokenizer.json");
    CHECK(refusal_of_program({"generate", place.model(), "--prompt", "a"}).find("tokenizer") != std::string::npos);
}
