/// Calibration with sentences of one's own: what layers are given, and codes that are fitted to it. MODEL: an original.
#include <bitnet/calibrated.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc < 3) return std::fputs("usage: example_09_custom_calibration MODEL SENTENCE...\n", stderr), 2;
    const Execution run{&best_kernels(), 0};  // the fastest kernels of this machine, on every core
    const ModelWeights weights(argv[1]);
    const Parameters<float> parameters = read_parameters<float>(weights, run);
    Network<float> original(weights.config(), parameters), network(weights.config(), parameters);

    const std::vector<std::string> sentences(argv + 2, argv + argc);
    const CalibrationSet set = CalibrationSet::from_text(sentences, Tokenizer::open(argv[1]), {.tokens = weights.config().max_positions, .batch = 4});
    for (const Batch& batch : set.batches()) std::printf("batch of %zu texts, %zu tokens\n", batch.texts(), batch.ids.size());

    for (const auto& [name, given] : collect_statistics(network, set, run.threads))
        std::printf("%-42s mean %7.4f  deviation %7.4f  largest %7.3f\n", name.c_str(), given.mean(), given.deviation(), static_cast<double>(given.largest()));

    double fitted = 0, rounded = 0;
    calibrate(network, original, set, Compressor{quantizer::Gptq<quantizer::LeastSquares>{}}, {.target = Target::own}, run,
              [&](const CalibratedMatrix& matrix) { fitted += matrix.output_error, rounded += matrix.plain_error; });
    std::printf("of what layers give, fitted codes lose %.2f times what rounded ones do\n", fitted / rounded);
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
