#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <bitnet/io/json.hpp>
#include <bitnet/pipeline/metadata.hpp>

#include "commands.hpp"
#include "terminal.hpp"

namespace cli {
namespace {

using namespace bitnet;
using Words = std::vector<std::string>;

/// Where an installed program finds the models that come with it, or where they lay when it was built.
std::filesystem::path shipped_models() {
    std::error_code reason;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", reason);
    const std::filesystem::path installed = program.parent_path().parent_path() / "share/bitnet/models";
    return !reason && std::filesystem::exists(installed) ? installed : std::filesystem::path(BITNET_EXAMPLE_MODELS);
}

struct DemoOptions {
    std::filesystem::path output = "bitnet-demo";
    std::string prompt = "One sunny morning";
    std::size_t texts = 1000, steps = 300;  // less than two minutes on two cores
};

/// Says what one would type, and does it.
void run(Action (*add)(CLI::App&, CommonOptions&), const std::string& name, Words words, CommonOptions common) {
    if (!common.json) {
        std::string line = "\n$ bitnet " + name;
        for (const std::string& word : words) line += word.find(' ') == std::string::npos ? ' ' + word : " \"" + word + '"';
        std::puts(line.c_str());
        std::fflush(stdout);
    }
    CLI::App app;
    const Action action = add(app, common);
    std::reverse(words.begin(), words.end());  // as this overload of parse takes them
    app.parse(std::move(words));
    action();
    std::fflush(stdout);
}

void print_balance(const DemoOptions& options) {
    const std::filesystem::path file = options.output / metadata_file_name;
    const Json about = read_json_file(file);
    const Json& quality = about.at("fine_tuning");
    const double before = quality.at("pre_perplexity").as_double(), after = quality.at("training").at("best_perplexity").as_double();
    const auto original = static_cast<double>(about.at("original_bytes").as_unsigned()), packed = static_cast<double>(about.at("quantized_bytes").as_unsigned());
    std::printf("\nlost        perplexity of stories that neither has read: %.3f -> %.3f, %.1f %% more; rounding alone: %.3f\n", before, after,
                100 * (after / before - 1), quality.at("post_compression_perplexity").as_double());
    std::printf("saved       %s at FP32 -> %s, %.1f times less\n", bytes_text(about.at("original_bytes").as_unsigned()).c_str(),
                bytes_text(about.at("quantized_bytes").as_unsigned()).c_str(), original / packed);
    std::printf("made        %s to run, %s to go on training\n", (options.output / "quantized").c_str(), (options.output / "dequantized").c_str());
}

void demo(const DemoOptions& options, const CommonOptions& common) {
    const std::filesystem::path models = shipped_models(), model = models / "stories", unseen = models / "stories.jsonl";
    const auto talk = [&](const std::filesystem::path& speaker) {
        run(add_generate, "generate", {speaker.string(), "--prompt", options.prompt, "--tokens", "150", "--temperature", "0.7", "--seed", "1"}, common);
    };
    const auto say = [&](const char* what) {
        if (!common.json) std::printf("\n%s\n", what);
    };
    say("A small language model tells a story:");
    if (!common.json) talk(model);
    say("Its matrices become -1, 0 and +1 with a scale for each row. It learns to live with that from stories that it tells itself:");
    run(add_compress, "compress",
        {model.string(), "-o", options.output.string(), "--force", "--scale", "row", "--self-text", std::to_string(options.texts), "--eval-text", unseen.string(), "--split",
         "jsonl", "--calibrate", "never", "--fine-tune", "always", "--gates", "warn", "--steps", std::to_string(options.steps), "--batch-tokens", "2048"},
        common);
    if (common.json) return;
    say("The packed model tells one, straight from its 2-bit weights:");
    talk(options.output / "quantized");
    print_balance(options);
}

}  // namespace

Action add_demo(CLI::App& app, CommonOptions& common) {
    const auto options = std::make_shared<DemoOptions>();
    app.add_option("-o,--output", options->output, "directory for both models; an earlier demo's is replaced")->capture_default_str();
    app.add_option("--prompt", options->prompt, "the beginning of what the models tell")->capture_default_str();
    app.add_option("--texts", options->texts, "stories that it tells itself to learn from")->check(CLI::Range(2, 1 << 30))->capture_default_str();
    app.add_option("--steps", options->steps, "of learning")->check(CLI::Range(1, 1 << 30))->capture_default_str();
    return [options, &common] { demo(*options, common); };
}

}  // namespace cli
