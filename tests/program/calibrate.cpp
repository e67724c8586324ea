#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <bitnet/model/packed_model.hpp>

#include <support/weights.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::json_of;
using bitnet_test::read_text;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::Workplace;

namespace {

/// A random model, and a text of token ids that it is calibrated with.
struct CalibratingPlace : Workplace {
    CalibratingPlace() : Workplace({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 64, .layers = 2, .max_positions = 16}) {
        bitnet_test::write_text(ids(), bitnet_test::id_documents(60, 16));
    }
    fs::path ids() const { return dir / "ids.txt"; }
    Arguments calibrating(const Arguments& more = {}) const {
        Arguments all = compress({"--text", ids(), "--split", "ids", "--fine-tune", "never", "--gates", "off", "--force"});
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

}  // namespace

TEST_CASE("compress with a text fits every matrix to what it is given, and says how far each is from its aim") {
    const CalibratingPlace place;
    for (const Arguments& more : {Arguments{}, Arguments{"--planes", "2", "--scale", "group:64"}, Arguments{"--rotate"}, Arguments{"--calibrate", "own", "--scale", "tensor"},
                                  Arguments{"--asymmetric"}, Arguments{"--asymmetric", "--planes", "2", "--rotate"}}) {
        const Json report = json_of(place.calibrating(more));
        const Json& calibration = report.at("fine_tuning").at("calibration");
        CHECK(calibration.at("tokens").as_unsigned() == 57 * 16);  // one document in twenty is measured on
        CHECK(calibration.at("matrices").as_array().size() == 14);
        for (const Json& matrix : calibration.at("matrices").as_array()) {
            CAPTURE(matrix.at("name").as_string());
            CHECK(matrix.at("output_error").as_double() < matrix.at("plain_error").as_double());
        }
        CHECK(says(report.at("policies").at("quantizer").as_string(), "coordinate_descent{"));
        const Json measured = json_of({"eval", place.out() / "quantized", "--text", place.ids(), "--split", "ids"});
        CHECK(std::isfinite(measured.at("perplexity").as_double()));
        CHECK_FALSE(report.at("fine_tuning").at("fine_tuned").as_bool());
    }
}

TEST_CASE("calibration gives the same bytes on any number of threads, and is left out where nobody wants it") {
    const CalibratingPlace place;
    const fs::path weights = place.out() / "quantized" / "model.safetensors";
    REQUIRE(run_program(place.calibrating({"--threads", "1"})).status == 0);
    const std::string one = read_text(weights);
    REQUIRE(run_program(place.calibrating({"--threads", "2"})).status == 0);
    CHECK(read_text(weights) == one);
    REQUIRE(run_program(place.compress({"--force"})).status == 0);
    const std::string plain = read_text(weights);
    CHECK(plain != one);
    CHECK(json_of(place.calibrating({"--calibrate", "never"})).at("fine_tuning").find("calibration") == nullptr);
    CHECK(read_text(weights) == plain);
}

TEST_CASE("few tokens are said to be few, and as many are used as were asked for") {
    const CalibratingPlace place;
    const auto calibration = [&](const Arguments& more) { return json_of(place.calibrating(more)).at("fine_tuning").at("calibration"); };
    CHECK(calibration({}).find("warning") == nullptr);
    const Json few = calibration({"--set", "calibration_samples=5", "--set", "calibration_sequence_length=8"});
    CHECK(few.at("tokens").as_unsigned() == 40);
    CHECK(few.at("warning").as_string() == "40 tokens to calibrate matrices of up to 64 inputs are few: give more text");
    CHECK(says(run_program(place.calibrating({"--set", "calibration_samples=5"})).out, "note        80 tokens to calibrate"));
}

TEST_CASE("what calibration cannot do is wrong usage") {
    const CalibratingPlace place;
    const auto wrong = [&](const Arguments& arguments) {
        const auto result = run_program(arguments);
        CHECK(result.status == 2);
        return result.err;
    };
    CHECK(says(wrong(place.compress({"--calibrate", "stream"})), "needs --text or --self-text"));
    CHECK(says(wrong(place.compress({"--rotate"})), "--rotate: needs calibration"));
    CHECK(says(wrong(place.compress({"--refine-together", "2"})), "--refine-together: needs calibration"));
    CHECK(says(wrong(place.calibrating({"--calibrate", "stream", "--quantizer", "absmean"})), "absmean looks at weights alone"));
    CHECK(says(wrong(place.compress({"--planes", "2", "--quantizer", "absmean"})), "--planes 2: absmean makes one"));
    CHECK(says(wrong(place.compress({"--text", place.ids(), "--planes", "2", "--fine-tune", "always"})), "training goes through one plane"));
    CHECK(says(wrong(place.calibrating({"--planes", "3"})), "--planes"));
    CHECK(says(wrong(place.compress({"--asymmetric", "--quantizer", "round_clip"})), "--asymmetric: round_clip has no offsets; leave --quantizer out"));
    CHECK(says(wrong(place.compress({"--text", place.ids(), "--asymmetric", "--fine-tune", "always"})), "without offsets"));
    CHECK(says(wrong(place.calibrating({"--asymmetric", "--bits", "2.5"})), "leave --planes, --asymmetric and --scale out"));
}

TEST_CASE("a token beyond the vocabulary in the text is refused, and nothing is left") {
    const CalibratingPlace place;
    bitnet_test::write_text(place.ids(), "1 2 3\n1 2 41\n");
    CHECK(says(place.refusal({"--text", place.ids(), "--split", "ids", "--eval-text", place.ids(), "--fine-tune", "never"}), "41"));
}

TEST_CASE("a dataset that is not there is fallen back from, and tokens are cut once") {
    CalibratingPlace place;
    const fs::path sets = place.dir / "sets";
    fs::create_directory(sets);
    std::string lines;
    for (int i = 0; i < 40; ++i) lines += "{\"story\": \"the cat and the dog and the hen number " + std::to_string(i) + "\"}\n";
    bitnet_test::write_text(sets / "wikitext.jsonl", lines);
    bitnet_test::write_text(place.dir / "words.txt", lines);
    const fs::path trained = place.dir / "trained";
    bitnet_test::write_text(place.dir / "config.json", bitnet::to_text(bitnet::random_model_config(
                                                           {.vocab_size = 280, .hidden_size = 32, .intermediate_size = 48, .layers = 1, .max_positions = 64})));
    json_of({"train", "--init", place.dir / "config.json", "--train-tokenizer", "280", "--text", place.dir / "words.txt", "--split", "blank-line", "--eval-text",
             place.dir / "words.txt", "-o", trained, "--batch-tokens", "64", "--context", "32", "--steps", "2", "--dense"});
    const auto run = [&](const Arguments& more) {
        Arguments all{"compress", trained, "-o", place.out(), "--force", "--datasets", sets, "--gates", "off", "--fine-tune", "never"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const Json first = json_of(run({"--text-field", "story"})).at("fine_tuning").at("dataset"), second = json_of(run({"--text-field", "story"})).at("fine_tuning").at("dataset");
    CHECK(first.at("name").as_string() == "wikitext");
    CHECK_FALSE(first.at("cached").as_bool());
    CHECK(second.at("cached").as_bool());
    CHECK(first.at("notes").as_array().at(0).as_string() == "openwebtext, c4 are not in " + sets.string() + "; calibrated with wikitext");
    CHECK(says(run_program(run({"--text-field", "story", "-q"})).out, "note        openwebtext, c4 are not in"));
    CHECK(says(refusal_of_program(run({"-q"})), "wikitext.jsonl:1: no field \"text\""));
    const Json own = json_of(run({"--dataset", "synthetic", "--set", "calibration_samples=30", "--refine", "1"}));
    CHECK(own.at("fine_tuning").at("dataset").at("name").as_string() == "synthetic");
    CHECK(own.at("fine_tuning").at("calibration").at("samples").as_unsigned() == 29);
    CHECK(says(refusal_of_program({"compress", trained, "-o", place.out(), "--force", "-q", "--datasets", place.dir / "nowhere"}), "no such directory of datasets"));
}

TEST_CASE("a budget of bits is spent where it was measured to pay, and kept") {
    const CalibratingPlace place;
    std::size_t before = 0;
    for (const char* const bits : {"2.9", "4", "6"}) {
        const Json report = json_of(place.calibrating({"--bits", bits}));
        const Json& storage = report.at("fine_tuning").at("calibration").at("storage");
        REQUIRE(storage.as_array().size() == 14);
        std::size_t bytes = 0, weights = 0, two = 0;
        for (const Json& tensor : report.at("tensors").as_array()) {
            if (tensor.at("treatment").as_string() != "ternary") continue;
            bytes += tensor.at("stored_bytes").as_unsigned();
            weights += static_cast<std::size_t>(8 * tensor.at("stored_bytes").as_double() / tensor.at("bits_per_weight").as_double() + 0.5);
        }
        for (const Json& matrix : storage.as_array()) {
            two += says(matrix.at("chosen").as_string(), "2 planes");
            CHECK(matrix.at("measured").as_array().size() == 4);
        }
        CHECK(8 * static_cast<double>(bytes) <= std::stod(bits) * static_cast<double>(weights));
        CHECK(two >= before);
        before = two;
        CHECK(std::isfinite(json_of({"eval", place.out() / "quantized", "--text", place.ids(), "--split", "ids"}).at("perplexity").as_double()));
    }
    CHECK(before >= 10);  // of a random model some matrix may lose nothing by one plane
    const auto impossible = place.calibrating({"--bits", "1.2"});
    CHECK(says(refusal_of_program(impossible), "one plane in trit2 with a scale a row takes"));
    const Json rotated = json_of(place.calibrating({"--bits", "3", "--rotate"}));
    CHECK(rotated.at("fine_tuning").at("calibration").at("rotated").as_bool());
    CHECK(rotated.at("fine_tuning").at("calibration").at("storage").as_array().size() == 14);
    const double left = json_of({"eval", place.out() / "quantized", "--text", place.ids(), "--split", "ids"}).at("perplexity").as_double();
    CHECK(left == doctest::Approx(json_of({"eval", place.out() / "dequantized", "--text", place.ids(), "--split", "ids"}).at("perplexity").as_double()).epsilon(2e-3));
    CHECK(run_program(place.compress({"--bits", "3"})).status == 2);
}

TEST_CASE("tables that are to become ternary are rounded beside calibration, and refined norms are those that are written") {
    const CalibratingPlace place;
    const Json tables = json_of(place.calibrating({"--set", "preserve_embedding_precision=false"}));
    const auto& tensors = tables.at("tensors").as_array();
    CHECK(std::any_of(tensors.begin(), tensors.end(), [](const Json& tensor) {
        return tensor.at("role").as_string() == "token_embedding" && tensor.at("treatment").as_string() == "ternary";
    }));
    const Json together = json_of(place.calibrating({"--refine", "2", "--refine-together", "2"}));
    CHECK(together.at("fine_tuning").at("calibration").at("refined_together").as_unsigned() == 2);
    const Json refined = json_of(place.calibrating({"--refine", "3"}));
    for (const Json& tensor : refined.at("tensors").as_array())
        if (tensor.at("treatment").as_string() == "ternary") CHECK(tensor.at("distortion").at("relative_error").as_double() > 0.1);
    const double measured = refined.at("fine_tuning").at("post_compression_perplexity").as_double();
    const std::string every_twentieth = read_text(place.ids());
    std::istringstream lines(every_twentieth);
    std::string held;
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line); ++number)
        if (number % 20 == 0) held += line + "\n";
    bitnet_test::write_text(place.dir / "held.txt", held);
    const Json written = json_of({"eval", place.out() / "quantized", "--text", place.dir / "held.txt", "--split", "ids"});
    CHECK(written.at("perplexity").as_double() == doctest::Approx(measured).epsilon(2e-3));  // norms in FP16
    CHECK(run_program(place.calibrating({"--planes", "2", "--steps", "5"})).status == 2);
    const auto misnamed = run_program(place.calibrating({"--quantizer", "trit_planes"}));
    CHECK(misnamed.status == 2);
    CHECK(says(misnamed.err, "quantizer \"trit_planes\" is not compiled in"));
}

TEST_CASE("offsets need no text, and inspect tells of them") {
    const CalibratingPlace place;
    const Json report = json_of(place.compress({"--asymmetric", "--force", "--scale", "row"}));
    CHECK(report.at("policies").at("quantizer").as_string() == "asymmetric<1>{.rounds=20}");
    const std::string name = "model.layers.0.mlp.up_proj.weight";
    const Json listed = json_of({"inspect", place.out() / "quantized", "--tensor", name}).at("tensors").as_array().at(0);
    CHECK(listed.at("offsets").as_unsigned() == 64);
    CHECK(listed.at("offset_values").at("min").as_double() < listed.at("offset_values").at("max").as_double());
    CHECK(says(listed.at("stored_as").as_string(), "offsets"));
    CHECK(listed.at("bits_per_weight").as_double() == doctest::Approx(2 + 32.0 / 32));
}

TEST_CASE("bits are spent until perplexity rises by no more than was asked for, and the fewest that do are kept") {
    const CalibratingPlace place;
    std::string counting;
    for (int document = 0; document < 60; ++document) {
        for (int i = 0; i < 16; ++i) counting += std::to_string((document * 7 + i) % 40) + " ";
        counting += "\n";
    }
    bitnet_test::write_text(place.ids(), counting);
    const fs::path trained = place.dir / "trained";  // what was never learned cannot get worse
    json_of({"train", place.model(), "--text", place.ids(), "--split", "ids", "-o", trained, "--steps", "100", "--batch-tokens", "256", "--context", "16", "--dense",
             "--no-teacher", "--learning-rate", "0.01"});
    const auto run = [&](const std::string& degradation, const Arguments& more = {}) {
        Arguments all{"compress", trained, "-o", place.out(), "--force", "--text", place.ids(), "--split", "ids", "--gates", "off", "--fine-tune", "never", "--layout", "trit5",
                      "--degradation", degradation};
        all.insert(all.end(), more.begin(), more.end());
        return json_of(all).at("fine_tuning");
    };
    const Json loose = run("5");
    CHECK(loose.at("calibration").at("rounds").as_array().size() == 1);
    for (const Json& one : loose.at("calibration").at("storage").as_array()) CHECK(one.at("chosen").as_string() == "1 plane, row");

    const double wanted = (loose.at("post_compression_perplexity").as_double() / loose.at("pre_perplexity").as_double() - 1) / 2;
    REQUIRE(wanted > 0);
    const Json tight = run(std::to_string(wanted));
    const Json& rounds = tight.at("calibration").at("rounds");
    const double rise = tight.at("post_compression_perplexity").as_double() / tight.at("pre_perplexity").as_double() - 1;
    CHECK(rise <= wanted);
    CHECK(rounds.as_array().size() <= 5);
    const Json& kept = *std::ranges::find_if(rounds.as_array(), [](const Json& round) { return round.find("kept") != nullptr; });
    CHECK(kept.at("rise").as_double() == doctest::Approx(rise));
    for (const Json& round : rounds.as_array())
        if (round.at("rise").as_double() <= wanted) CHECK(round.at("bits").as_double() >= kept.at("bits").as_double());

    const Json bounded = run("1e-9", {"--bits", "2.4"});
    for (const Json& round : bounded.at("calibration").at("rounds").as_array()) CHECK(round.at("bits").as_double() <= 2.4);
    CHECK(says(bounded.at("calibration").at("warning").as_string(), "--degradation 1e-09: perplexity rises by 0."));
    CHECK(run_program(place.calibrating({"--degradation", "0"})).status == 2);
    CHECK(says(run_program(place.compress({"--degradation", "0.1"})).err, "--degradation: needs calibration"));
}

TEST_CASE("what learned in a rotated basis is stored in it, as it was measured") {
    const CalibratingPlace place;
    const Json report = json_of(place.compress({"--text", place.ids(), "--split", "ids", "--gates", "off", "--rotate", "--fine-tune", "always", "--steps", "20", "--batch-tokens", "128",
                                                "--context", "16", "--force"}));
    const Json& tuning = report.at("fine_tuning");
    CHECK(tuning.at("fine_tuned").as_bool());
    CHECK(tuning.at("ste").as_string().starts_with("learned_scale"));
    const bitnet::PackedModel packed(place.out() / "quantized");
    std::size_t rotated = 0;
    for (const auto& [name, entry] : packed.metadata().tensors) rotated += entry.rotation ? 1 : 0;
    CHECK(rotated == 14);
    std::istringstream lines(read_text(place.ids()));
    std::string held;  // one document in twenty, as the program takes them
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line); ++number)
        if (number % 20 == 0) held += line + "\n";
    bitnet_test::write_text(place.dir / "held.txt", held);
    for (const char* const output : {"quantized", "dequantized"}) {
        const Json now = json_of({"eval", place.out() / output, "--text", place.dir / "held.txt", "--split", "ids"});
        CHECK(now.at("perplexity").as_double() == doctest::Approx(tuning.at("training").at("best_perplexity").as_double()).epsilon(2e-3));
    }
    const auto other = run_program(place.compress({"--text", place.ids(), "--split", "ids", "--rotate", "--ste", "identity", "--force"}));
    CHECK(other.status == 2);
    CHECK(says(other.err, "--ste: in a rotated basis scales learn: learned_scale"));
}
