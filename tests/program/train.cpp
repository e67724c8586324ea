#include "program.hpp"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include <support/weights.hpp>

namespace fs = std::filesystem;
using bitnet::Json;
using bitnet_test::Arguments;
using bitnet_test::json_of;
using bitnet_test::refusal_of_program;
using bitnet_test::run_program;
using bitnet_test::write_text;

namespace {

/// A text of some rules, and the configuration of a model that can learn it.
struct School {
    bitnet_test::TempDir dir{};
    School() {
        std::string text;
        const std::string animals[] = {"cat", "dog", "hen", "fox"}, sounds[] = {"purrs", "barks", "clucks", "yelps"};
        for (int i = 0; i < 120; ++i) text += "the " + animals[i % 4] + " " + sounds[i % 4] + " and the " + animals[i / 4 % 4] + " " + sounds[i / 4 % 4] + ".\n\n";
        write_text(text_file(), text);
        bitnet::RandomModel model{.vocab_size = 280, .hidden_size = 32, .intermediate_size = 48, .layers = 1, .max_positions = 64};
        write_text(config(), bitnet::to_text(bitnet::random_model_config(model)));
    }
    fs::path text_file() const { return dir / "text.txt"; }
    fs::path config() const { return dir / "config.json"; }
    /// Training from random weights.
    Arguments anew(const fs::path& out, const Arguments& more = {}, const char* rate = "0.01") const {
        Arguments all{"train", "--init", config(), "--train-tokenizer", "280", "--text", text_file(), "--split", "blank-line", "-o", out,
                      "--batch-tokens", "256", "--learning-rate", rate, "--threads", "1", "-q", "--json"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

double perplexity_of(const School& school, const fs::path& model) {
    return json_of({"eval", model, "--text", school.text_file(), "--split", "blank-line", "--json", "-q"}).at("perplexity").as_double();
}

}  // namespace

TEST_CASE("a model is trained from random weights with a tokenizer of its own, and then through ternary weights") {
    const School school;
    const fs::path dense = school.dir / "dense", ternary = school.dir / "ternary";
    const Json first = json_of(school.anew(dense, {"--dense", "--steps", "80", "--dtype", "fp32", "--eval-text", school.text_file()}));
    const Json& training = first.at("training");
    CHECK(training.at("first_perplexity").as_double() > 200);
    CHECK(training.at("best_perplexity").as_double() < 3);
    CHECK(perplexity_of(school, dense) == doctest::Approx(training.at("best_perplexity").as_double()).epsilon(1e-5));
    CHECK(bitnet_test::names_in(dense) == std::set<std::string>{"bitnet_output.json", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"});
    CHECK_FALSE(fs::exists(dense.string() + ".work"));

    const Json second = json_of({"train", dense, "--text", school.text_file(), "--split", "blank-line", "-o", ternary, "--steps", "80",
                                 "--quantizer", "round_clip", "--scale", "row", "--batch-tokens", "256", "--learning-rate", "0.01",
                                 "--eval-text", school.text_file(), "-q", "--json"});
    const double rounded = second.at("training").at("first_perplexity").as_double(), learned = second.at("training").at("best_perplexity").as_double();
    CHECK(learned < rounded);
    CHECK(learned < 4);
    CHECK(second.at("quantized_params").as_unsigned() > 5000);
    for (const char* const output : {"quantized", "dequantized"})
        CHECK(perplexity_of(school, ternary / output) == doctest::Approx(learned).epsilon(2e-3));  // tables are FP16 there
}

TEST_CASE("every estimator, optimizer and schedule trains, with rounded activations and with activations computed again") {
    const School school;
    for (const Arguments& more : {Arguments{"--ste", "clipped", "--optimizer", "muon", "--clip", "10"},
                                  {"--ste", "learned_scale", "--schedule", "linear", "--recompute", "--accumulate", "2"},
                                  {"--ste", "progressive", "--activations", "int8", "--optimizer", "mu_grokfast", "--qk-clip", "30",
                                   "--bf16-activations"}}) {
        Arguments all = school.anew(school.dir / "out", {"--steps", "40", "--force"}, more[3] == "muon" || more[5] == "mu_grokfast" ? "0.1" : "0.01");
        all.insert(all.end(), more.begin(), more.end());
        const Json result = json_of(all);
        CHECK(result.at("training").at("best_perplexity").as_double() < result.at("training").at("first_perplexity").as_double() / 2);
    }
}

TEST_CASE("a trained model becomes ternary at a rate that suits its weights, and any other learns at 0.003") {
    const School school;
    const fs::path dense = school.dir / "dense";
    json_of(school.anew(dense, {"--dense", "--steps", "5", "--dtype", "fp32"}));
    double sum = 0, count = 0;
    for (const auto& [name, tensor] : bitnet_test::read_weights(dense / "model.safetensors")) {
        if (name.find("_proj.weight") == std::string::npos) continue;
        std::vector<float> values(tensor.bytes.size() / sizeof(float));
        std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
        for (const float value : values) sum += std::abs(static_cast<double>(value));
        count += static_cast<double>(values.size());
    }
    const auto rate_of = [&](const Arguments& more) {
        Arguments all{"train", dense, "--text", school.text_file(), "--split", "blank-line", "-o", school.dir / "out", "--batch-tokens",
                      "256", "--steps", "25", "--evaluate-every", "1", "-q", "--json"};
        all.insert(all.end(), more.begin(), more.end());
        double top = 0;
        const Json result = json_of(all);
        fs::remove_all(school.dir / "out");
        for (const Json& line : result.at("training").at("history").as_array()) top = std::max(top, line.at("learning_rate").as_double());
        return top;
    };
    CHECK(rate_of({"--quantizer", "round_clip", "--scale", "row"}) == doctest::Approx(0.015 * sum / count).epsilon(1e-6));
    CHECK(rate_of({"--dense"}) == doctest::Approx(0.003));
    CHECK(rate_of({"--learning-rate", "0.004"}) == doctest::Approx(0.004));
}

TEST_CASE("a training that was killed and resumed writes the bytes of one that was not") {
    const School school;
    const Arguments knobs{"--steps", "300", "--checkpoint-every", "5", "--evaluate-every", "50"};
    json_of(school.anew(school.dir / "undisturbed", knobs));
    const fs::path out = school.dir / "out", checkpoint = school.dir / "out.work/checkpoint.safetensors";
    Arguments resumed = school.anew(out, knobs);
    resumed.push_back("--resume");
    std::FILE* const ignored = std::tmpfile();
    for (int kill = 0; kill < 2; ++kill) {
        const std::string before = bytes_of(checkpoint);
        const pid_t child = bitnet_test::start_program(resumed, ::fileno(ignored), ::fileno(ignored));
        for (int i = 0; i < 6000 && bytes_of(checkpoint) == before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ::kill(child, SIGKILL);
        bitnet_test::end_of(child);
        REQUIRE(bytes_of(checkpoint) != before);
        CHECK_FALSE(fs::exists(out));
    }
    std::fclose(ignored);
    json_of(resumed);
    for (const char* const name : {"quantized/model.safetensors", "dequantized/model.safetensors", "dequantized/config.json"})
        CHECK(bytes_of(out / name) == bytes_of(school.dir / "undisturbed" / name));
}

TEST_CASE("training refuses in one line what it cannot do, and leaves nothing") {
    const School school;
    const fs::path out = school.dir / "out";
    const auto before = bitnet_test::names_in(school.dir.path());
    CHECK(refusal_of_program(school.anew(out, {"--context", "65"})) == "--context 65: the model has 64 positions");
    Arguments narrow = school.anew(out, {"--context", "64"});
    std::replace(narrow.begin(), narrow.end(), std::string("256"), std::string("32"));
    CHECK(refusal_of_program(narrow) == "--batch-tokens 32: a batch must hold a window of --context 64");
    Arguments shorter = school.anew(out);
    write_text(school.dir / "short.txt", "a");
    std::replace(shorter.begin(), shorter.end(), school.text_file().string(), (school.dir / "short.txt").string());
    CHECK(refusal_of_program(shorter).find("one document") != std::string::npos);
    fs::remove(school.dir / "short.txt");
    CHECK(bitnet_test::names_in(school.dir.path()) == before);
    CHECK(run_program(school.anew(out, {"--learning-rate", "-1"})).status == 2);
    CHECK(run_program({"train", "-o", out, "--text", school.text_file()}).status == 2);
    for (const Arguments& idle : {Arguments{"--dense", "--ste", "clipped"}, {"--dense", "--scale", "row"}, {"--dtype", "fp32"}, {"--steps", "3", "--epochs", "1"},
                                  {"--self-text", "5"}, {"--split", "ids"}, {"--teacher", out, "--no-teacher"}, {"--hidden", "0.1"},
                                  {"--temperature", "2"}, {"--grokfast-lambda", "1"}, {"--tables", "0"}})
        CHECK(run_program(school.anew(out, idle)).status == 2);
    CHECK(run_program({"train", school.dir / "model", "-o", out, "--text", school.text_file(), "--train-tokenizer", "280"}).status == 2);
    CHECK(run_program({"train", "--init", school.config(), "-o", out, "--text", school.text_file()}).status == 2);
    CHECK(bitnet_test::names_in(school.dir.path()) == before);
}

TEST_CASE("what lies beside an output is left alone, and a model does not replace itself") {
    const School school;
    const fs::path out = school.dir / "out", notes = school.dir / "out.work/notes.txt";
    fs::create_directory(notes.parent_path());
    write_text(notes, "mine");
    CHECK(refusal_of_program(school.anew(out)) == notes.parent_path().string() + ": exists, and no run of training has left it; move it away");
    CHECK(bytes_of(notes) == "mine");
    fs::remove_all(notes.parent_path());
    json_of(school.anew(out.string() + "/", {"--steps", "5"}));
    CHECK(fs::exists(out / "quantized/model.safetensors"));
    CHECK_FALSE(fs::exists(out / ".work"));
    CHECK_FALSE(fs::exists(notes.parent_path()));
    Arguments further{"train", out / "dequantized", "--text", school.text_file(), "--split", "blank-line", "--steps", "5", "--quantizer", "least_squares", "-q", "-o", out, "--force"};
    CHECK(refusal_of_program(further).find("lie inside each other") != std::string::npos);
    further[std::size(further) - 2] = school.dir / "further";
    CHECK(refusal_of_program(further).find("the student already is its teacher") != std::string::npos);
    further.insert(further.end(), {"--no-teacher", "--json"});
    CHECK(json_of(further).at("training").at("steps_completed").as_unsigned() == 5);
    CHECK(run_program(school.anew(school.dir / "other", {"--recipe", "nonsense"})).status == 2);
}

TEST_CASE("a checkpoint of other settings is refused, and kept") {
    const School school;
    const fs::path out = school.dir / "out";
    std::FILE* const ignored = std::tmpfile();
    const pid_t child = bitnet_test::start_program(school.anew(out, {"--steps", "4000", "--checkpoint-every", "1"}), ::fileno(ignored), ::fileno(ignored));
    const fs::path checkpoint = school.dir / "out.work/checkpoint.safetensors";
    for (int i = 0; i < 6000 && !fs::exists(checkpoint); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(child, SIGKILL);
    bitnet_test::end_of(child);
    std::fclose(ignored);
    REQUIRE(fs::exists(checkpoint));
    CHECK(refusal_of_program(school.anew(out, {"--steps", "4000"})).find("continue it with --resume, or begin anew with --force") != std::string::npos);
    CHECK(refusal_of_program(school.anew(out, {"--steps", "4001", "--resume"})).find("is a checkpoint of another run") != std::string::npos);
    CHECK(fs::exists(checkpoint));
}

TEST_CASE("compress measures a text, and learns where rounding cost too much, always or never") {
    const School school;
    const fs::path dense = school.dir / "dense", out = school.dir / "out";
    json_of(school.anew(dense, {"--dense", "--steps", "80"}));
    const bitnet_test::StoredTensor beside{bitnet::DType::U8, {3}, {std::byte{1}, std::byte{2}, std::byte{3}}};
    bitnet_test::edit_weights(dense / "model.safetensors", [&](bitnet_test::Weights& weights) { weights["my.notes"] = beside; });
    const auto compress = [&](const Arguments& more) {
        Arguments all{"compress", dense, "-o", out, "--force", "--text", school.text_file(), "--split", "blank-line", "--gates", "off", "--steps", "30",
                      "--batch-tokens", "256", "--learning-rate", "0.01", "-q", "--json"};
        all.insert(all.end(), more.begin(), more.end());
        return json_of(all);
    };
    const Json automatic = compress({"--quantizer", "round_clip", "--scale", "tensor"});
    const Json& report = automatic.at("fine_tuning");
    CHECK(report.at("fine_tuned").as_bool());
    for (const char* const output : {"quantized", "dequantized"})  // what is not of the architecture is not lost on the way
        CHECK(bitnet_test::read_weights(out / output / "model.safetensors").at("my.notes") == beside);
    CHECK(report.at("post_compression_perplexity").as_double() > 1.05 * report.at("pre_perplexity").as_double());
    CHECK(report.at("training").at("best_perplexity").as_double() < report.at("post_compression_perplexity").as_double());
    const Json never = compress({"--fine-tune", "never", "--quantizer", "round_clip", "--scale", "tensor"});
    CHECK_FALSE(never.at("fine_tuning").at("fine_tuned").as_bool());
    CHECK(never.at("fine_tuning").at("post_compression_perplexity").as_double() == report.at("post_compression_perplexity").as_double());
    CHECK_FALSE(compress({"--set", "fine_tune_threshold=1000"}).at("fine_tuning").at("fine_tuned").as_bool());
    CHECK(compress({"--set", "fine_tune_threshold=1000", "--fine-tune", "always"}).at("fine_tuning").at("fine_tuned").as_bool());
    const Json knobs = compress({"--set", "fine_tune_epochs=2", "--set", "fine_tune_lr=0.02", "--set", "grokfast_lambda=0.5", "--fine-tune", "always"});
    CHECK(knobs.at("fine_tuning").at("training").at("epochs_completed").as_unsigned() >= 1);
    CHECK(knobs.at("fine_tuning").at("optimizer").as_string().find("lambda=0.5") != std::string::npos);
    const Json typed = compress({"--set", "fine_tune_lr=0.02", "--set", "fine_tune_epochs=5", "--set", "enable_grokfast=true",
                                 "--optimizer", "adamw", "--evaluate-every", "1", "--fine-tune", "always"});  // --steps and --learning-rate stand above them
    const Json& training = typed.at("fine_tuning").at("training");
    CHECK(training.at("steps_completed").as_unsigned() == 30);
    CHECK(typed.at("fine_tuning").at("optimizer").as_string().starts_with("adamw"));
    double top = 0;
    for (const Json& line : training.at("history").as_array()) top = std::max(top, line.at("learning_rate").as_double());
    CHECK(top <= 0.01);
    CHECK(run_program({"compress", dense, "-o", out, "--force", "--text", school.text_file(), "--arch", "llama"}).status == 2);
    CHECK_FALSE(fs::exists(out.string() + ".work"));
}

TEST_CASE("a knob of learning that is set to its default is set, and no epochs are no learning") {
    const School school;
    const fs::path dense = school.dir / "dense", out = school.dir / "out";
    json_of(school.anew(dense, {"--dense", "--steps", "40"}));
    const auto tuned = [&](const Arguments& settings) {
        Arguments all{"compress", dense, "-o", out, "--force", "--text", school.text_file(), "--split", "blank-line", "--gates", "off", "--batch-tokens", "256",
                      "--evaluate-every", "1", "--quantizer", "round_clip", "--scale", "tensor"};
        for (const std::string& setting : settings) all.insert(all.end(), {"--set", setting});
        return json_of(all).at("fine_tuning");
    };
    const Json slow = tuned({"fine_tune_lr=1e-5", "fine_tune_epochs=1"});
    CHECK(slow.at("fine_tuned").as_bool());
    for (const Json& line : slow.at("training").at("history").as_array()) CHECK(line.at("learning_rate").as_double() <= 1e-5);
    CHECK_FALSE(tuned({"fine_tune_epochs=0"}).at("fine_tuned").as_bool());
}

TEST_CASE("inspect --gradient-flow passes a sound model, and names the tensor that gets no gradient with status 3") {
    const School school;
    const fs::path dense = school.dir / "dense";
    json_of(school.anew(dense, {"--dense", "--steps", "3", "--dtype", "fp32"}));
    const Json flow = json_of({"inspect", dense, "--gradient-flow", "--json"});
    CHECK(flow.at("gradient_flow_test").at("passed").as_bool());
    const auto shown = run_program({"inspect", dense, "--gradient-flow"});
    CHECK(shown.status == 0);
    CHECK(shown.out.find("gradients flow through every tensor") != std::string::npos);
    bitnet_test::edit_weights(dense / "model.safetensors", [](bitnet_test::Weights& weights) {
        std::ranges::fill(weights.at("model.layers.0.mlp.down_proj.weight").bytes, std::byte{0});
    });
    const auto stopped = run_program({"inspect", dense, "--gradient-flow"});
    CHECK(stopped.status == 3);
    CHECK(stopped.err.find("post_attention_layernorm.weight\": its gradient is zero") != std::string::npos);
}
