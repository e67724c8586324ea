#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/pipeline/hand_off.hpp>

#include "commands.hpp"

namespace cli {
namespace {

using namespace bitnet;

struct ValidateOptions {
    std::filesystem::path output;
    bool no_gradient_flow = false;
};

void validate(const ValidateOptions& options, const CommonOptions& common) {
    if (!std::filesystem::exists(options.output)) throw error(errc::missing, message(options.output.string(), ": no such directory"));
    const Execution run{&best_kernels(), common.threads};
    const std::vector<Check> checks = check_hand_off(options.output, {.gradient_flow = !options.no_gradient_flow}, run);
    const bool passed = all_passed(checks);
    if (common.json)
        std::puts(to_text(Json::object({{"output", options.output.string()}, {"passed", passed}, {"checks", to_json(checks)}})).c_str());
    else
        for (const Check& one : checks) std::printf("%-8s %-14s %s\n", std::string(to_string(one.state)).c_str(), one.name.c_str(), one.sentence.c_str());
    if (passed) return;
    std::string verdict;
    for (const Check& one : checks)
        if (one.state == Check::State::failed) verdict += message(verdict.empty() ? "" : "\nbitnet: ", options.output.string(), ": ", one.name, ": ", one.sentence);
    throw GateFailed(verdict);
}

}  // namespace

Action add_validate(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<ValidateOptions>();
    app.add_option("OUT", options->output, "output of bitnet compress")->required();
    app.add_flag("--no-gradient-flow", options->no_gradient_flow, "no backward pass, which takes 28 bytes a parameter and more");
    return [options, &common] { validate(*options, common); };
}

}  // namespace cli
