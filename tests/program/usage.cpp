#include "program.hpp"

#include <bitnet/config/abi.hpp>

using bitnet_test::Arguments;
using bitnet_test::names_in;
using bitnet_test::run_program;
using bitnet_test::says;
using bitnet_test::Workplace;

namespace {

/// Runs a command that is wrong usage: status 2, nothing on standard output; returns the first line of the other.
std::string usage_error(const Arguments& arguments) {
    const auto result = run_program(arguments);
    CHECK(result.status == 2);
    CHECK(result.out.empty());
    return result.err.substr(0, result.err.find('\n'));
}

}  // namespace

TEST_CASE("the program says its version") {
    const auto result = run_program({"--version"});
    CHECK(result.status == 0);
    CHECK(result.out == "bitnet " BITNET_VERSION "\n");
    CHECK(result.err.empty());
}

TEST_CASE("the program and every command explain themselves on standard output") {
    const auto all = run_program({"--help"});
    CHECK(all.status == 0);
    CHECK(all.err.empty());
    for (const std::string command : {"compress", "dequantize", "inspect", "random-model"}) {
        INFO(command);
        CHECK(says(all.out, command));
        const auto one = run_program({command, "--help"});
        CHECK(one.status == 0);
        CHECK(one.err.empty());
        for (const std::string option : {"--json", "--quiet", "--threads"}) CHECK(says(one.out, option));
        for (const char letter : one.out) CHECK((letter == '\n' || static_cast<unsigned char>(letter) >= 0x20));
    }
    for (const std::string option : {"--recipe", "--set", "--config", "--force", "--arch", "phase4", "bitnet158"})
        CHECK(says(run_program({"compress", "--help"}).out, option));
}

TEST_CASE("unknown commands and flags are wrong usage") {
    CHECK(usage_error({}) == "A command is required");
    CHECK(says(usage_error({"compres"}), "compres"));
    CHECK(says(usage_error({"--frobnicate"}), "--frobnicate"));
    for (const std::string command : {"compress", "dequantize", "inspect", "random-model"})
        CHECK(says(usage_error({command, "x", "-o", "y", "--frobnicate"}), "frobnicate"));
}

TEST_CASE("an argument that is not there is wrong usage") {
    CHECK(says(usage_error({"compress"}), "MODEL is required"));
    CHECK(says(usage_error({"compress", "-o", "x"}), "MODEL is required"));
    CHECK(says(usage_error({"dequantize"}), "required"));
    CHECK(says(usage_error({"dequantize", "x"}), "required"));
    CHECK(says(usage_error({"inspect"}), "required"));
    CHECK(says(usage_error({"random-model"}), "required"));
    CHECK(says(usage_error({"compress", "x", "--recipe"}), "--recipe"));
}

TEST_CASE("an unknown recipe, or a combination that there is not, is wrong usage and lists what there is") {
    const Workplace place;
    CHECK(says(usage_error(place.compress({"--recipe", "phase5"})), R"(recipe "phase5" is not compiled in; there are default, phase4, bitnet158)"));
    CHECK(says(usage_error(place.compress({"--quantizer", "gptq"})), R"(quantizer "gptq" is not compiled in; there are absmean)"));
    CHECK(says(usage_error(place.compress({"--scale", "group:3"})), R"(scale "group:3" is not compiled in; there are tensor)"));
    CHECK(says(usage_error(place.compress({"--layout", "trit3"})), "trit3"));
    CHECK(says(usage_error(place.compress({"--keep-as", "fp8"})), "fp8"));
    CHECK(says(usage_error(place.compress({"--scale-type", "fp64"})), "fp64"));
    CHECK(names_in(place.dir.path()) == std::set<std::string>{"model"});
}

TEST_CASE("a setting that is unknown, out of range or of no use is wrong usage") {
    const Workplace place;
    CHECK(says(usage_error(place.compress({"--set", "sed=1"})), R"(no knob is called "sed"; did you mean "seed"?)"));
    CHECK(says(usage_error(place.compress({"--set", "seed"})), "seed is not key=value"));
    CHECK(says(usage_error(place.compress({"--set", "max_accuracy_drop=0.6"})), "max_accuracy_drop = 0.6 is outside [0, 0.5]"));
    CHECK(says(usage_error(place.compress({"--set", "quantization_bits=2"})), "Phase 4 uses BitNet 1.58-bit quantization only"));
    CHECK(says(usage_error(place.compress({"--set", "seed=7"})), "seed: nothing is learned without --text or --self-text"));
    CHECK(says(usage_error(place.compress({"--set", "calibration_samples=7"})), "calibration_samples: nothing is calibrated without --text or --self-text"));
    CHECK(says(usage_error(place.compress({"--set", "sparsity_threshold=0.3"})), "chooses its own zeros and would ignore it"));
    CHECK(says(usage_error(place.compress({"--sparsity-threshold", "9", "--recipe", "phase4"})), "sparsity_threshold = 9 is outside [0, 4]"));
    CHECK(says(usage_error(place.compress({"--threads", "-1"})), "--threads"));
    CHECK(says(usage_error(place.compress({"--threads", "many"})), "--threads"));
    CHECK(names_in(place.dir.path()) == std::set<std::string>{"model"});
}

TEST_CASE("a type that a command does not know is wrong usage") {
    CHECK(says(usage_error({"dequantize", "x", "-o", "y", "--dtype", "fp8"}), "fp8"));
    CHECK(says(usage_error({"random-model", "x", "--dtype", "int8"}), "int8"));
    CHECK(says(usage_error({"random-model", "x", "--layers", "two"}), "--layers"));
}
