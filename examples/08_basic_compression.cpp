/// A model in memory is compressed: its codes, its scales, its FP16 weights, and what they cost. MODEL: an original.
#include <bitnet/bitnet.hpp>
#include <bitnet/gate/gradient_flow.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc != 3) return std::fputs("usage: example_08_basic_compression MODEL THRESHOLD\n", stderr), 2;
    const Execution run{&best_kernels(), 0};  // the fastest kernels of this machine, on every core
    Compressor compressor{quantizer::AbsMean{}, sparsity::Fixed{}, scale::PerChannel{}};
    compressor = compressor.with(from_string<sparsity::Fixed>(std::string("fixed{.threshold=") + argv[2] + "}"));

    const ModelWeights weights(argv[1]);
    Network<float> network(weights.config(), read_parameters<float>(weights, run));
    std::printf("%llu parameters, %.2f MB\n", static_cast<unsigned long long>(count_parameters(network.parameters()).total),
                calculate_model_size_mb(network.parameters()));
    CompressedModel compressed(std::move(network), compressor, run);  // compressing is the only way to make one

    const CompressionStats& stats = compressed.stats();
    std::printf("compression %.2fx, zeros %.1f %%, error %.3f\n", stats.compression_ratio(), 100 * stats.sparsity_ratio(), stats.distortion().relative_error());
    std::printf("%zu tensors to run, %.2f MB; %zu to train, %.2f MB; %zu have scales\n", compressed.quantized_state_dict().size(), to_mb(stats.quantized_bytes),
                compressed.dequantized_state_dict().size(), to_mb(stats.dequantized_bytes), compressed.scale_factors().size());

    const GradientFlow flow = gradient_flow(compressed.model().config(), compressed.model().parameters(), {.samples = 1}, run.threads);
    std::printf("gradients: %s\n", flow.passed() ? "every tensor can learn" : flow.error().c_str());
    return flow.passed() ? 0 : 3;
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
