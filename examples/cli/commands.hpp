/// The commands of the program. Each adds its options to the parser and returns what to do when it was chosen.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace cli {

/// What every command understands.
struct CommonOptions {
    bool json = false;
    bool quiet = false;
    unsigned threads = 0;
};

using Action = std::function<void()>;

Action add_bench(CLI::App& app, CommonOptions& common);
Action add_compress(CLI::App& app, CommonOptions& common);
Action add_dequantize(CLI::App& app, CommonOptions& common);
Action add_eval(CLI::App& app, CommonOptions& common);
Action add_generate(CLI::App& app, CommonOptions& common);
Action add_inspect(CLI::App& app, CommonOptions& common);
Action add_random_model(CLI::App& app, CommonOptions& common);
Action add_tokenize(CLI::App& app, CommonOptions& common);

}  // namespace cli
