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
    for (std::string line; std::getline(lines, line) && !line.starts_with("perplexity "); ++matrices) {
        double error = 0, rounded = 0;
        REQUIRE(std::sscanf(line.c_str(), "%*s error %lf, rounded %lf,", &error, &rounded) == 2);
        CHECK(error < rounded);
    }
    CHECK(matrices == 7);
    double before = 0, after = 0;
    CHECK(std::sscanf(done.out.c_str() + done.out.find("perplexity "), "perplexity %lf before, %lf after", &before, &after) == 2);
    CHECK(before > 1);
    CHECK(after > 1);
}
