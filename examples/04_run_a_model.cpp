/// The text that a model goes on writing, as it comes. MODEL: an original, or one of bitnet compress's two outputs.
#include <bitnet/infer/generate.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/tokenizer.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc != 3) return std::fputs("usage: example_04_run_a_model MODEL PROMPT\n", stderr), 2;
    const Execution run{&best_kernels(), 0};  // the fastest kernels of this machine, on every core
    const Transformer model(ModelWeights(argv[1]), ActivationPrecision::int8, run);
    const Tokenizer tokenizer = Tokenizer::open(argv[1]);
    StreamDecoder text(tokenizer, true);  // holds back what is no whole character yet; leaves out control tokens
    const auto say = [&](std::uint32_t id) {
        std::fputs(text.push(id).c_str(), stdout), std::fflush(stdout);
        return id != tokenizer.eos();  // false ends the text
    };
    const std::vector<std::uint32_t> prompt = tokenizer.encode(argv[2]);
    for (const std::uint32_t id : prompt) say(id);
    generate(model, prompt, 64, Sampler({.temperature = 0}), run, say);
    std::puts(text.finish().c_str());
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
