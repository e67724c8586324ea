#include "program.hpp"

#include <sstream>

namespace fs = std::filesystem;
using bitnet_test::run_program;
using bitnet_test::Workplace;

namespace {

/// Every token of the model is a letter or a digit, so that every id shows.
constexpr const char* letters = R"({"model": {"type": "BPE", "merges": [], "vocab": {"Ġ": 0, "Ċ": 1, ".": 2, ",": 3,
    "a": 4, "b": 5, "c": 6, "d": 7, "e": 8, "f": 9, "g": 10, "h": 11, "i": 12, "j": 13, "k": 14, "l": 15, "m": 16,
    "n": 17, "o": 18, "p": 19, "q": 20, "r": 21, "s": 22, "t": 23, "u": 24, "v": 25, "w": 26, "x": 27, "y": 28,
    "z": 29, "0": 30, "1": 31, "2": 32, "3": 33, "4": 34, "5": 35, "6": 36, "7": 37, "8": 38, "9": 39}},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"}})";

/// An example, built beside the program.
bitnet_test::Finished run_example(std::string model, std::string argument, const char* name = "example_04_run_a_model") {
    std::FILE* const out = std::tmpfile();
    std::FILE* const err = std::tmpfile();
    REQUIRE(out != nullptr);
    REQUIRE(err != nullptr);
    std::string example = fs::path(BITNET_PROGRAM).replace_filename(name);
    char* const argv[] = {example.data(), model.data(), argument.data(), nullptr};
    const pid_t child = bitnet_test::start_child([&] {
        ::dup2(::fileno(out), STDOUT_FILENO);
        ::dup2(::fileno(err), STDERR_FILENO);
        ::execv(example.c_str(), argv);
        return 127;
    });
    const int status = bitnet_test::end_of(child);
    return {status, bitnet_test::whole(out), bitnet_test::whole(err)};
}

}  // namespace

TEST_CASE("the example that runs a model writes what bitnet generate writes, from an original and from both outputs") {
    const Workplace place({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 48, .max_positions = 80});
    bitnet_test::write_text(place.model() / "tokenizer.json", letters);
    REQUIRE(run_program(place.compress()).status == 0);
    for (const fs::path& model : {place.model(), place.out() / "dequantized", place.out() / "quantized"}) {
        const auto example = run_example(model, "once upon");
        const auto program =
            run_program({"generate", model, "--prompt", "once upon", "-n", "64", "--temperature", "0", "-q"});
        CHECK(example.status == 0);
        CHECK(example.out.starts_with("once upon"));
        CHECK(example.out.size() == std::string_view("once upon").size() + 64 + 1);
        CHECK(example.out == program.out);
    }
}

TEST_CASE("the example that runs a model says in one line why it cannot") {
    const Workplace place;
    const auto refused = run_example(place.model(), "a");
    CHECK(refused.status == 1);
    CHECK(refused.out.empty());
    CHECK(refused.err == place.model().string() + ": no tokenizer: neither tokenizer.json nor vocab.json\n");
}

TEST_CASE("the example that trains a model tells each step, and ends with no worse weights than it began with") {
    const Workplace place({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 48, .layers = 1, .max_positions = 80});
    bitnet_test::write_text(place.model() / "tokenizer.json", letters);
    const auto done = run_example(place.model(), "12", "example_05_train_a_model");
    INFO(done.err);
    CHECK(done.status == 0);
    CHECK(done.out.find("step  12  loss ") != std::string::npos);
    double before = 0, after = 0;
    const std::size_t last = done.out.find("perplexity ");
    REQUIRE(last != std::string::npos);
    CHECK(std::sscanf(done.out.c_str() + last, "perplexity %lf after rounding, %lf after learning", &before, &after) == 2);
    CHECK(before > 1);
    CHECK(after <= before);
}

TEST_CASE("the example that calibrates a model tells of each matrix, every one better than rounded") {
    const Workplace place({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 48, .layers = 1, .max_positions = 80});
    bitnet_test::write_text(place.model() / "tokenizer.json", letters);
    const auto done = run_example(place.model(), "8", "example_06_calibrate_a_model");
    INFO(done.err);
    CHECK(done.status == 0);
    std::istringstream lines(done.out);
    std::size_t matrices = 0;
    std::string line;
    for (; std::getline(lines, line) && line.find(" matrices in ") == std::string::npos; ++matrices) {
        double error = 0, rounded = 0;
        REQUIRE(std::sscanf(line.c_str(), "%*s error %lf, rounded %lf", &error, &rounded) == 2);
        CHECK(error < rounded);
    }
    CHECK(matrices == 7);
    std::size_t made = 0, bytes = 0;
    CHECK(std::sscanf(line.c_str(), "%zu matrices in %zu bytes", &made, &bytes) == 2);
    CHECK(made == 7);
    CHECK(bytes > 0);
    double before = 0, after = 0;
    CHECK(std::sscanf(done.out.c_str() + done.out.find("perplexity "), "perplexity %lf before, %lf after", &before, &after) == 2);
    CHECK(before > 1);
    CHECK(after > 1);
}

TEST_CASE("the quick start leaves both outputs of the model that comes with bitnet, and says its ratio") {
    const Workplace place;
    const std::string stories = BITNET_SOURCE_DIR "/examples/models/stories";
    const auto done = run_example(stories, place.out(), "example_07_quick_start");
    INFO(done.err);
    CHECK(done.status == 0);
    double ratio = 0, wanted = 0, zeros = 0;
    REQUIRE(std::sscanf(done.out.c_str(), "compression: %lfx of at least %lfx, zeros %lf %%", &ratio, &wanted, &zeros) == 3);
    CHECK(wanted == 8);
    CHECK(ratio >= wanted);
    CHECK(zeros > 40);
    CHECK(zeros < 50);
    CHECK(done.out.find("to run: " + (place.out() / "quantized").string() + "\n") != std::string::npos);
    CHECK(done.out.find("to train: " + (place.out() / "dequantized").string() + "\n") != std::string::npos);
    for (const char* const output : {"quantized", "dequantized"}) {
        const auto run = run_program({"generate", place.out() / output, "--prompt", "Mia", "-n", "4", "-q"});
        INFO(run.err);
        CHECK(run.status == 0);
    }
    const double before = static_cast<double>(fs::file_size(fs::path(stories) / "model.safetensors"));  // in 16 bits
    const double on_disk = static_cast<double>(fs::file_size(place.out() / "quantized" / "model.safetensors"));
    CHECK(ratio == doctest::Approx(2 * before / on_disk).epsilon(0.01));
    const auto again = run_example(stories, place.out(), "example_07_quick_start");
    CHECK(again.status == 1);
    CHECK(again.err.find(place.out().string()) == 0);
}

TEST_CASE("the basic compression tells sizes and zeros, more of them for a higher threshold, and that gradients flow") {
    const Workplace place({.vocab_size = 40, .hidden_size = 32, .intermediate_size = 48, .layers = 1, .max_positions = 80});
    std::vector<double> zeros;
    for (const char* const threshold : {"0.1", "0.5"}) {
        const auto done = run_example(place.model(), threshold, "example_08_basic_compression");
        INFO(done.err << done.out);
        CHECK(done.status == 0);
        double ratio = 0, share = 0, error = 0;
        REQUIRE(std::sscanf(done.out.c_str() + done.out.find('\n') + 1, "compression %lfx, zeros %lf %%, error %lf", &ratio, &share, &error) == 3);
        CHECK(ratio > 2);
        CHECK(ratio < 16);
        CHECK(error > 0.3);
        CHECK(error < 0.7);
        zeros.push_back(share);
        CHECK(done.out.find("7 have scales\n") != std::string::npos);
        CHECK(done.out.ends_with("gradients: every tensor can learn\n"));
    }
    CHECK(zeros[0] < 10);
    CHECK(zeros[1] > 25);
    const auto refused = run_example(place.model(), "9", "example_08_basic_compression");
    CHECK(refused.status == 1);
    CHECK(refused.err == "fixed: threshold = 9 is outside [0, 4]\n");
}

TEST_CASE("the custom calibration counts its tokens, tells what each matrix is given, and fits codes to it") {
    const auto done = run_example(BITNET_SOURCE_DIR "/examples/models/stories", "Mia was a girl who liked to make up songs.", "example_09_custom_calibration");
    INFO(done.err);
    CHECK(done.status == 0);
    std::istringstream lines(done.out);
    std::string line;
    std::getline(lines, line);
    std::size_t texts = 0, tokens = 0, matrices = 0;
    REQUIRE(std::sscanf(line.c_str(), "batch of %zu texts, %zu tokens", &texts, &tokens) == 2);
    CHECK(texts == 1);
    CHECK(tokens > 5);
    CHECK(tokens < 50);
    double mean = 0, deviation = 0, largest = 0, share = 0;
    while (std::getline(lines, line) && std::sscanf(line.c_str(), "%*s mean %lf deviation %lf largest %lf", &mean, &deviation, &largest) == 3) {
        ++matrices;
        CHECK(deviation > 0);
        CHECK(largest > deviation);
    }
    CHECK(matrices % 7 == 0);
    CHECK(matrices > 7);
    REQUIRE(std::sscanf(line.c_str(), "of what layers give, fitted codes lose %lf times what rounded ones do", &share) == 1);
    CHECK(share > 0);
    CHECK(share < 0.9);
}

TEST_CASE("the whole job tries thresholds until none helps, leaves the best, and says which gates it fails") {
    const Workplace place;
    const auto done = run_example(BITNET_SOURCE_DIR "/examples/models/stories", place.out(), "example_11_the_whole_job");
    INFO(done.err);
    CHECK(done.status == 3);  // a model of this size cannot be rounded without learning
    for (const char* const part : {"now: as asked\n", "now: a higher threshold\n", "now: a threshold that is higher still\n", "perplexity_degradation: the rise of perplexity is "})
        CHECK(done.out.find(part) != std::string::npos);
    const bitnet::Json record = bitnet::read_json_file(place.out() / "compression_metadata.json");
    const auto& rungs = record.at("rungs").as_array();
    REQUIRE(rungs.size() == 3);
    for (const bitnet::Json& rung : rungs) CHECK(rung.at("perplexity").as_double() >= record.at("quality").at("post_perplexity").as_double());
    CHECK(bitnet_test::names_in(place.out()) == std::set<std::string>{"compression_metadata.json", "dequantized", "quantized"});
}
