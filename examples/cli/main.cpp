/// bitnet: compresses language models to ternary weights and runs them, from the command line.
///
/// Exit status: 0 done, 1 bad input or I/O error, 2 wrong usage, 3 a check of quality failed; SIGINT and SIGTERM end it as signals do.
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include <bitnet/config/abi.hpp>
#include <bitnet/core/error.hpp>

#include "commands.hpp"
#include "interrupt.hpp"

namespace {

constexpr int bad_input = 1;
constexpr int wrong_usage = 2;
constexpr int gate_failed = 3;

int report(const char* what, int status) {
    std::fprintf(stderr, "bitnet: %s\n", what);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Compresses trained language models to ternary weights {-1, 0, +1}, and runs them.", "bitnet"};
    app.set_version_flag("--version", "bitnet " BITNET_VERSION);
    app.require_subcommand(0, 1);  // none is refused below, after an unknown one has been named
    app.failure_message(CLI::FailureMessage::simple);
    cli::CommonOptions common;
    std::vector<std::pair<CLI::App*, cli::Action>> commands;
    const auto add = [&](const char* name, const char* what, auto&& adder) {
        CLI::App* const command = app.add_subcommand(name, what);
        commands.emplace_back(command, adder(*command, common));
        command->add_flag("--json", common.json, "print the result as one JSON object");
        command->add_flag("-q,--quiet", common.quiet, "no progress");
        command->add_option("--threads", common.threads, "threads to use; 0 is every core")->check(CLI::Range(0, 1024));
    };
    add("bench", "speed of a model, original and packed, beside what this machine can do", cli::add_bench);
    add("compress", "compress a model directory into a packed and an FP16 model", cli::add_compress);
    add("demo", "compress the small model that comes with bitnet, let it learn, and hear it talk", cli::add_demo);
    add("dequantize", "dense weights out of a packed model", cli::add_dequantize);
    add("eval", "perplexity of a text", cli::add_eval);
    add("generate", "text that the model goes on writing", cli::add_generate);
    add("inspect", "what is in a model directory or a file of weights", cli::add_inspect);
    add("random-model", "write a model directory with random weights, for trying things out", cli::add_random_model);
    add("registry", "what a register of models holds", cli::add_registry);
    add("tokenize", "token ids of a text, and text of token ids", cli::add_tokenize);
    add("train", "train or fine-tune a model, through ternary weights or in full precision", cli::add_train);
    add("validate", "whether an output is whole and holds what its record says", cli::add_validate);
    try {
        app.parse(argc, argv);
        if (app.get_subcommands().empty()) throw CLI::RequiredError("A command");
        for (const auto& [command, action] : commands)
            if (command->parsed()) action();
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return report("cannot write to standard output", bad_input);
        return 0;
    } catch (const CLI::Success& success) {
        return app.exit(success);
    } catch (const CLI::ParseError& mistake) {
        app.exit(mistake);
        return wrong_usage;
    } catch (const cli::GateFailed& verdict) {
        return report(verdict.what(), gate_failed);
    } catch (const cli::Interrupted& why) {
        report(why.what(), bad_input);
        cli::end_interrupted();
    } catch (const bitnet::error& problem) {
        return report(problem.what(), bad_input);
    } catch (const std::bad_alloc&) {
        return report("not enough memory", bad_input);
    } catch (const std::exception& problem) {
        return report(problem.what(), bad_input);
    }
}
