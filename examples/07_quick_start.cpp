/// A model directory in, a packed and an FP16 model out, and what that did to its size.
#include <bitnet/bitnet.hpp>
#include <bitnet/kernel/dispatch.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
    using namespace bitnet;
    if (argc != 3) return std::fputs("usage: example_07_quick_start MODEL OUT\n", stderr), 2;
    Config config;
    config.set("model_path", argv[1]);
    config.set("output_path", argv[2]);
    config.set("target_compression_ratio", "8");
    const ModelDir model(config.model_path);
    config.adapt_to_model_size(model.original_bytes_fp32() / sizeof(float));  // what was set stays

    AtomicDirectory output(config.output_path, false, metadata_file_name);  // appears whole or not at all
    const CompressionStats stats = compress_model(model, recipe::Default{}, prepare_outputs(model, output.path(), {}), {&best_kernels(), 0});
    save_compression_metadata(output.path(), to_json(stats));
    output.commit();

    const Json metadata = load_compression_metadata(config.output_path);
    std::printf("compression: %.2fx of at least %.2fx, zeros %.1f %%\n", metadata.at("compression_ratio").as_double(),
                config.target_compression_ratio, 100 * metadata.at("sparsity_ratio").as_double());
    std::printf("to run: %s/%s\n", argv[2], std::string(quantized_directory_name).c_str());
    std::printf("to train: %s/%s\n", argv[2], std::string(dequantized_directory_name).c_str());
    return stats.compression_ratio() >= config.target_compression_ratio ? 0 : 3;
} catch (const bitnet::error& problem) {  // one line: file, tensor or key, and what was expected
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
}
