/// The commands of the program. Each adds its options to the parser and returns what to do when it was chosen.
#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

#include <bitnet/core/error.hpp>

namespace cli {

/// What every command understands.
struct CommonOptions {
    bool json = false;
    bool quiet = false;
    unsigned threads = 0;
};

using Action = std::function<void()>;

/// What is wrong on the command line is wrong usage; the same in a file is a bad file.
template <class Check>
void from_command_line(const Check& check) {
    try {
        check();
    } catch (const bitnet::error& problem) {
        throw CLI::ValidationError(problem.what());
    }
}

/// A model that can be read and is not good enough: exit status 3.
class GateFailed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A backward pass through the model, tensor by tensor. Throws GateFailed where it does not get through.
void show_gradient_flow(std::filesystem::path path, const CommonOptions& common);

Action add_bench(CLI::App& app, CommonOptions& common);
Action add_compress(CLI::App& app, CommonOptions& common);
Action add_demo(CLI::App& app, CommonOptions& common);
Action add_dequantize(CLI::App& app, CommonOptions& common);
Action add_eval(CLI::App& app, CommonOptions& common);
Action add_generate(CLI::App& app, CommonOptions& common);
Action add_inspect(CLI::App& app, CommonOptions& common);
Action add_random_model(CLI::App& app, CommonOptions& common);
Action add_registry(CLI::App& app, CommonOptions& common);
Action add_tokenize(CLI::App& app, CommonOptions& common);
Action add_train(CLI::App& app, CommonOptions& common);
Action add_validate(CLI::App& app, CommonOptions& common);

}  // namespace cli
