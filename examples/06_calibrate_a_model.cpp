/// Codes and scales fitted to what a model's layers are given, on texts that it writes itself. MODEL: an original.
#include <bitnet/calibrated.hpp>
#include <bitnet/kernel/dispatch.hpp>
#include <bitnet/text/tokenizer.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc != 3) return std::fputs("usage: example_06_calibrate_a_model MODEL TEXTS\n", stderr), 2;
    const Execution run{&best_kernels(), 0};  // the fastest kernels of this machine, on every core
    const ModelWeights weights(argv[1]);
    const Parameters<float> parameters = read_parameters<float>(weights, run);
    Network<float> original(weights.config(), parameters), network(weights.config(), parameters);

    const Transformer speaker(weights, ActivationPrecision::fp32, run);
    const std::uint32_t first = Tokenizer::open(argv[1]).bos().value_or(0);
    const auto texts = static_cast<std::size_t>(std::atoi(argv[2]));
    const CalibrationSet set = CalibrationSet::from_samples(self_text(speaker, {.texts = texts, .tokens = 64, .first = first}, run));
    const auto others = self_text(speaker, {.texts = 16, .tokens = 64, .first = first, .seed = 1}, run);

    // What stands inside what is up to you: coordinate descent behind error feedback behind exact least squares here.
    const Compressor policies{quantizer::CoordinateDescent<quantizer::Gptq<quantizer::LeastSquares>>{}, scale::PerGroup<64>{}};
    const MadePlanes made = calibrate(network, original, set, policies, {.target = Target::stream}, run, [](const CalibratedMatrix& matrix) {
        std::printf("%-40s error %.4f, rounded %.4f\n", matrix.name.c_str(), matrix.output_error, matrix.plain_error);
    });
    std::size_t bytes = 0;
    for (const auto& [name, planes] : made) bytes += planes.stored_bytes();
    std::printf("%zu matrices in %zu bytes\n", made.size(), bytes);
    const Perplexity now = evaluate(network, others, {}, run.threads, &original), before = evaluate(original, others, {}, run.threads);
    std::printf("perplexity %.4f before, %.4f after; %.4f nats between their predictions\n", before.perplexity(), now.perplexity(), now.mean_divergence());
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
